"""Units of memory and of files, in bytes."""

MIB, GIB = 2**20, 2**30
