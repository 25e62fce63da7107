"""The rules of the domain: pure functions over plain data, with no I/O.

- `facts`: the data that the rules decide on
- `attempts`: how an attempt moves on, and where a report belongs
- `progress`: where a build stands
- `fingerprints`, `skipping`: what may be skipped
- `plan`: what a rerun would do with each milestone
- `claims`: what a worker that asks for a milestone is answered
- `reasons`: the codes of why, and their texts
"""
