"""What is asked of datasets and models once they are built. Reads them, and writes reports; never opens a PDF."""
