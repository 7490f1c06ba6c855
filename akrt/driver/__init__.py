"""The NSoC driver layer: which chips there are, why they do not work, and sessions on them."""

from akrt.driver.discovery import DeviceInfo, devices

__all__ = ["DeviceInfo", "devices"]
