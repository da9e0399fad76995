"""Makes docs/class.png: the class page of 200 students who do not exist, in headless Chromium.

python docs/make_class_picture.py
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from autograder.classroom.page.write import write_class_page  # noqa: E402
from tests.class_data import make_class, write_reports_of  # noqa: E402

WIDTH = 1100


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        students = make_class(200)
        write_reports_of(Path(name), students)
        page_file = Path(name) / "class.html"
        write_class_page(page_file, "Assignment 3, autumn 2024", students)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1250})
        page.goto(page_file.as_uri())
        page.evaluate("for (const part of document.querySelectorAll('#look, #near, #similar')) part.remove()")
        picture = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    picture.convert("RGB").quantize(128).save(DOCS / "class.png", optimize=True)


if __name__ == "__main__":
    main()
