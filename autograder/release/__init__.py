"""One source: solutions with markers become the folder that students receive."""
