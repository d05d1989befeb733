(() => {
  "use strict";
  // Unpacks the result that the page carries: saves it, and shows its records a page at a time.
  const PAGE = 100;
  const CHOICES = ["source", "setting", "space", "task", "metric", "variant"];
  const NUMBERS = new Set(["value", "stderr", "ci_low", "ci_high", "n", "dim"]);
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;

  const make = (name, facts = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const unpack = (id) => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
  };

  const save = async (button) => {
    const blob = new Blob([await unpack(button.dataset.save).arrayBuffer()], { type: button.dataset.type });
    const link = make("a", { href: URL.createObjectURL(blob), download: button.dataset.name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  document.getElementById("downloads").hidden = false;
  for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => save(button));

  const shown = (value) => {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "yes" : "no";
    return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
  };

  class Browser {
    constructor(records, root) {
      this.all = records;
      this.root = root;
      this.fields = Object.keys(records[0] ?? {}).filter((f) => records.some((r) => r[f] !== null));
      this.chosen = new Map();
      this.words = "";
      this.texts = new Map();
      this.page = 0;
      this.order = { field: null, sign: 1 };
      this.build();
      this.update();
    }

    build() {
      const form = make("div", { class: "filters", role: "search", "aria-label": "Filter the records" });
      const search = make("input", { type: "search", placeholder: "any text" });
      search.addEventListener("input", () => { this.words = search.value.trim().toLowerCase(); this.update(0); });
      form.append(make("label", {}, make("span", {}, "contains"), search));
      for (const field of CHOICES.filter((f) => this.fields.includes(f))) {
        const values = [...new Set(this.all.map((r) => r[field]))];
        if (values.length < 2 || values.length > 200) continue;
        const select = make("select", {}, make("option", { value: "" }, "all"));
        values.forEach((v, k) => select.append(make("option", { value: String(k + 1) }, v === null ? "none" : String(v))));
        select.addEventListener("change", () => {
          if (select.value === "") this.chosen.delete(field);
          else this.chosen.set(field, values[Number(select.value) - 1]);
          this.update(0);
        });
        form.append(make("label", {}, make("span", {}, field), select));
      }
      this.status = make("p", { role: "status" });
      this.head = make("tr");
      this.body = make("tbody");
      for (const field of this.fields) this.head.append(this.heading(field));
      const table = make("table", { "aria-label": "Records" }, make("thead", {}, this.head), this.body);
      this.back = this.button("Previous", -1);
      this.forth = this.button("Next", 1);
      const pager = make("div", { class: "pager" }, this.back, this.status, this.forth);
      this.root.replaceChildren(form, pager, make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Records" }, table));
    }

    button(text, step) {
      const made = make("button", { type: "button", class: "control" }, text);
      made.addEventListener("click", () => this.update(this.page + step));
      return made;
    }

    heading(field) {
      const button = make("button", { type: "button", class: "sort" }, make("span", {}, field.replace("_", " ")));
      const head = make("th", { scope: "col", "aria-sort": "none", class: NUMBERS.has(field) ? "number" : "" }, button);
      button.addEventListener("click", () => {
        const same = this.order.field === field;
        const sign = same ? -this.order.sign : 1;
        this.order = same && sign === 1 ? { field: null, sign: 1 } : { field, sign };
        for (const other of this.head.cells) other.setAttribute("aria-sort", "none");
        if (this.order.field) head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
        this.update(0);
      });
      return head;
    }

    text(record) {
      if (!this.texts.has(record)) this.texts.set(record, this.fields.map((f) => shown(record[f])).join("\n").toLowerCase());
      return this.texts.get(record);
    }

    found() {
      const { field, sign } = this.order;
      const wanted = [...this.chosen];
      const rows = this.all.filter((r) => wanted.every(([f, v]) => r[f] === v)
        && (!this.words || this.text(r).includes(this.words)));
      if (!field) return rows;
      return rows.sort((a, b) => {
        const [x, y] = [a[field], b[field]];
        if (x === null || y === null) return (x === null) - (y === null);
        return sign * (typeof x === "string" ? compare(x, y) : x - y);
      });
    }

    update(page = this.page) {
      const rows = this.found();
      this.page = Math.max(0, Math.min(page, Math.ceil(rows.length / PAGE) - 1));
      const first = this.page * PAGE;
      const part = rows.slice(first, first + PAGE);
      this.body.replaceChildren(...part.map((r) => make("tr", {}, ...this.fields.map((f) =>
        make("td", NUMBERS.has(f) ? { class: "number" } : {}, shown(r[f]))))));
      const count = rows.length.toLocaleString("en");
      this.status.textContent = rows.length ? `${(first + 1).toLocaleString("en")} to ${(first + part.length).toLocaleString("en")} of ${count}` : "No record matches";
      this.back.disabled = this.page === 0;
      this.forth.disabled = first + PAGE >= rows.length;
    }
  }

  const details = document.getElementById("records-details");
  details.addEventListener("toggle", async () => {
    if (!details.open || details.dataset.built) return;
    details.dataset.built = "yes";
    new Browser((await unpack("packed-json").json()).records, document.getElementById("records-body"));
  });
})();
