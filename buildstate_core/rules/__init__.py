"""The rules of the domain: pure functions over plain data, with no I/O.

- `facts`: the data that the rules decide on
- `attempts`: how an attempt moves on, and where a report belongs
- `progress`: where a build stands
- `fingerprints`, `recipes`, `skipping`: what may be skipped
- `freshness`: what was made from something that has been made anew since
- `underway`: what others are at work on below, or have left undone
- `machines`: where a working machine has to be
- `plan`: what a rerun would do with each milestone
- `claims`: what a worker that asks for a milestone is answered
- `reasons`: the codes of why, and their texts
"""
