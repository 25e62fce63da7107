"""`bldst project`: lines of images, and their storage."""
