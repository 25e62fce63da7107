source "qemu" "a" {}
