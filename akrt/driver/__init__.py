"""The NSoC driver layer: which chips there are, why they do not work, and sessions on them."""
