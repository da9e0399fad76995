
"use strict";
const table = document.querySelector("#students table");
const body = table.tBodies[0];
const rows = Array.from(body.rows);
const search = document.querySelector("#search");
const found = document.querySelector("#found");
const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function filter() {
  const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let number = 0;
  for (const row of rows) {
    const text = row.dataset.find;
    row.hidden = !wanted.every((word) => text.includes(word));
    number += row.hidden ? 0 : 1;
  }
  found.textContent = wanted.length ? number + " of " + rows.length : "";
}

function sort(column, heading) {
  const falling = heading.getAttribute("aria-sort") === (heading.dataset.first === "falling" ? "none" : "ascending");
  const sign = falling ? -1 : 1;
  const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const numeric = heading.dataset.kind === "number";
  rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (!numeric) return sign * words.compare(x, y);
    if (x === "" || y === "") return (x === "") - (y === ""); // what was not judged stands last either way
    return sign * (Number(x) - Number(y));
  });
  for (const other of heading.parentNode.cells) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
  body.append(...rows);
}

for (const [column, heading] of Array.from(table.tHead.rows[0].cells).entries()) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => sort(column, heading));
}
search.addEventListener("input", filter);
document.documentElement.classList.add("scripted");
filter();
