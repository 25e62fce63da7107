"""The universal default catalogue: the same states for every cloud."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """One state of a catalogue.

    Attributes:
        code: Where in the process, 0 to 100.
        name: A short name for people.
        description: What is true of an image that reached it.
        color: For dashboards, `#rrggbb`.
        requires: Codes that have to be completed before.
        required: Whether the frontier may not pass it while it is missing.
        expected_seconds: How long it usually takes, if known.
    """

    code: int
    name: str
    description: str = ""
    color: str = "#64748b"
    requires: tuple[int, ...] = ()
    required: bool = False
    expected_seconds: int | None = None


_SLATE, _BLUE, _TEAL, _GREEN, _AMBER, _VIOLET = (
    "#64748b",
    "#2563eb",
    "#0d9488",
    "#16a34a",
    "#d97706",
    "#7c3aed",
)

DEFAULT_CATALOG: Final = tuple(
    CatalogEntry(code=code, name=name, description=description, color=color)
    for code, name, description, color in (
        (0, "Triggered", "The build was asked for.", _SLATE),
        (5, "OS install", "The operating system is installed.", _BLUE),
        (10, "Base bootable image", "The image boots.", _BLUE),
        (15, "Base configuration", "Users, locale, time and package sources are set.", _BLUE),
        (20, "Cloud provider set-up", "Agents and drivers of the platform are installed.", _TEAL),
        (25, "Security baseline", "The hardening baseline is applied.", _TEAL),
        (30, "Monitoring and logging", "Monitoring and log shipping are installed.", _TEAL),
        (35, "Runtime prerequisites", "What the runtimes need is installed.", _TEAL),
        (40, "Network", "Network, name resolution and firewall are configured.", _TEAL),
        (45, "Storage", "Volumes, mounts and file systems are configured.", _TEAL),
        (50, "Application runtimes", "Language and container runtimes are installed.", _GREEN),
        (55, "Services", "Services are installed and enabled.", _GREEN),
        (
            60,
            "Application deployment and distribution",
            "The application is in the image, and the image where it is needed.",
            _GREEN,
        ),
        (65, "Configuration and secrets", "Configuration is in place; secrets are wired.", _GREEN),
        (70, "Integration tests", "The image was started and its services answered.", _AMBER),
        (75, "Testing and validation complete", "Every test of the image passed.", _AMBER),
        (80, "Backup", "A copy is kept apart.", _VIOLET),
        (85, "Metadata", "Tags, bill of materials and provenance are recorded.", _VIOLET),
        (90, "Final validation", "The last checks before sealing passed.", _AMBER),
        (95, "Sealing", "The image is cleaned, generalised and locked.", _VIOLET),
        (100, "Published and delivered", "The image is published; it no longer changes.", _GREEN),
    )
)
