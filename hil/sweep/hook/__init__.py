"""What is put in front of the modules of an agent: see `sitecustomize`."""
