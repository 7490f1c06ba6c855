"""Pictures: reading files, fitting and resampling in integers, drawing what was found.

Packages that pictures need (Pillow) are imported where they are used.
"""

from akrt.vision.files import load_picture
from akrt.vision.fitting import Placement, placement
from akrt.vision.folders import PICTURES, pictures_in

__all__ = ["PICTURES", "Placement", "load_picture", "pictures_in", "placement"]
