# Configure it; it is fed to a shell.
cat out/full > out/conf
echo "motd: welcome" >> out/conf
tools/packer version >> out/conf
