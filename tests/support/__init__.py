"""What tests of every folder share: databases, services over real HTTP, and factories."""

from support.postgres import Blank, Cluster, short_folder
from support.service import Answer, Service, ServiceProcess, image, serving
from support.waiting import until

__all__ = [
    "Answer",
    "Blank",
    "Cluster",
    "Service",
    "ServiceProcess",
    "image",
    "serving",
    "short_folder",
    "until",
]
