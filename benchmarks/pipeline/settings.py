"""Constants that all modules share."""

SIZE = 40
MIRROR = "https://mirror.example/9"
RELEASES = {"curl": "8.1", "vim": "9.0", "git": "2.43"}
UNUSED = "nothing reads this"
