"""What a layer does to memory and numbers, said once for every backend and for the exporter."""
