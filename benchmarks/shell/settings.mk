# What all states share.
MIRROR = mirror.example/9
