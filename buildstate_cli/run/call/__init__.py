"""A call of `bldst run`: what was typed, what goes into it, and how it is made again."""
