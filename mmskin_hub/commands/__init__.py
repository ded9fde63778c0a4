"""The commands of ``mmskin``, one file each: ``add`` declares the options and sets ``run``, which calls the library.

Loading these modules loads nothing but the standard library.
"""
