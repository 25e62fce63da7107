ks = 1
