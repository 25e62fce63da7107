# Lock the image down.
set -e
cat out/base > out/hard
echo "$1" >> out/hard
cat "$3" >> out/hard
