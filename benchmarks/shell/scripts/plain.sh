# Configure nothing.
cat out/full > out/conf
