(() => {
  "use strict";
  // Column heads of sortable tables become buttons: ascending, descending, original order.
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;

  const value = (row, column, number) => {
    const cell = row.cells[column];
    if (!number) return cell.querySelector(".none") ? null : cell.textContent;
    return cell.dataset.key === "" ? null : Number(cell.dataset.key);
  };

  const sorted = (rows, column, number, order) => {
    if (order === "none") return rows;
    const sign = order === "ascending" ? 1 : -1;
    return [...rows].sort((a, b) => {
      const x = value(a, column, number);
      const y = value(b, column, number);
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (number ? x - y : compare(x, y));
    });
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const number = head.classList.contains("number");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      const words = document.createElement("span");
      words.append(...head.childNodes);
      button.append(words);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const order = next[head.getAttribute("aria-sort")];
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", order);
        body.append(...sorted(original, column, number, order));
      });
    });
  }
})();
