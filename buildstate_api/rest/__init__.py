"""What routes share: bodies, problems, who asks, and one transaction of the right sort."""
