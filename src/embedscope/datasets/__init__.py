"""Data sets: one file each, with official address, checksum, licence and citation."""
