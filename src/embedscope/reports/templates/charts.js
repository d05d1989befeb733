(() => {
  "use strict";
  // Legend keys become buttons that hide and show a curve; charts get a probe that reads values at an x.
  const SVG = "http://www.w3.org/2000/svg";
  const short = (v) => (v === 0 ? "0" : Number(v.toPrecision(3)).toString());

  const element = (name, className, ...children) => {
    const made = document.createElement(name);
    made.className = className;
    made.append(...children);
    return made;
  };

  class Plot {
    constructor(box, data, section) {
      this.box = box;
      this.data = data;
      this.section = section;
      this.svg = box.querySelector("svg");
      this.at = Object.fromEntries(["left", "right", "top", "bottom", "x0", "x1", "y0", "y1"].map((k) => [k, Number(box.dataset[k])]));
      this.cursor = document.createElementNS(SVG, "path");
      this.cursor.setAttribute("class", "cursor");
      this.svg.querySelector(".axes").after(this.cursor);
      this.readout = element("div", "readout");
      this.readout.hidden = true;
      this.probe = element("div", "probe");
      this.box.append(this.probe, this.readout);
      this.equip();
    }

    get series() { return this.data.series.filter((s) => !this.section.hidden.has(s.i)); }

    get xs() {
      const all = this.series.flatMap((s) => s.x.filter((_, k) => s.y[k] !== null));
      return [...new Set(all)].sort((a, b) => a - b);
    }

    equip() {
      const probe = this.probe;
      const facts = { tabindex: "0", role: "slider", "aria-label": `${this.data.title}: values by ${this.data.x_label}`,
        "aria-valuemin": this.at.x0, "aria-valuemax": this.at.x1, "aria-valuenow": this.at.x0, "aria-valuetext": "Use the arrow keys to read values" };
      for (const [name, value] of Object.entries(facts)) probe.setAttribute(name, value);
      const follow = (event) => this.show(this.nearest(event.clientX), true);
      probe.addEventListener("pointermove", follow);
      probe.addEventListener("pointerdown", follow);
      probe.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") this.section.clear(); });
      probe.addEventListener("focus", () => { if (probe.matches(":focus-visible")) this.show(this.x ?? this.xs[0], true); });
      probe.addEventListener("blur", () => this.section.clear());
      probe.addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      const xs = this.xs;
      const now = xs.indexOf(this.x);
      const last = xs.length - 1;
      const moves = { ArrowRight: now + 1, ArrowUp: now + 1, ArrowLeft: now - 1, ArrowDown: now - 1, PageUp: now + 5, PageDown: now - 5, Home: 0, End: last };
      if (event.key === "Escape") { this.section.clear(); return; }
      if (!(event.key in moves)) return;
      event.preventDefault();
      this.show(xs[Math.max(0, Math.min(last, moves[event.key]))], true);
    }

    nearest(clientX) {
      const frame = this.svg.getBoundingClientRect();
      const view = this.svg.viewBox.baseVal.width;
      const { left, right, x0, x1 } = this.at;
      const x = x0 + (((clientX - frame.left) / frame.width) * view - left) / (right - left) * (x1 - x0);
      return this.xs.reduce((best, v) => (best === undefined || Math.abs(v - x) < Math.abs(best - x) ? v : best), undefined);
    }

    place(x) { return this.at.left + ((x - this.at.x0) / (this.at.x1 - this.at.x0)) * (this.at.right - this.at.left); }

    // Values at x; a curve without a point there gives its nearest one, if no further than half its widest step.
    values(x) {
      return this.series
        .map((s) => ({ s, k: this.closest(s, x) }))
        .filter(({ k }) => k >= 0)
        .map(({ s, k }) => ({ i: s.i, label: s.label, x: s.x[k], y: s.y[k], low: s.low?.[k] ?? null, high: s.high?.[k] ?? null }))
        .sort((a, b) => b.y - a.y);
    }

    closest(s, x) {
      const step = Math.max(0, ...s.x.slice(1).map((v, k) => v - s.x[k]));
      const away = (k) => Math.abs(s.x[k] - x);
      const best = s.x.reduce((b, _, k) => (s.y[k] !== null && (b < 0 || away(k) < away(b)) ? k : b), -1);
      return best >= 0 && away(best) <= step / 2 + 1e-9 ? best : -1;
    }

    at_x(x) { return this.data.powers ? short(2 ** x) : short(x); }

    number(v) { return v.toFixed(this.data.digits).replace("-", "\u2212"); }

    show(x, lead) {
      if (x === undefined) return;
      if (lead) for (const other of this.section.plots) if (other !== this) other.show(x, false);
      this.x = x;
      const { left, right, top, bottom, y0, y1 } = this.at;
      const px = this.place(x);
      const values = this.values(x);
      const height = (v) => Math.max(top, Math.min(bottom, bottom - ((v.y - y0) / (y1 - y0)) * (bottom - top)));
      const rings = values.map((v) => `M${this.place(v.x) - 4} ${height(v)}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`).join("");
      this.cursor.setAttribute("d", px >= left && px <= right && values.length ? `M${px} ${top}V${bottom}${rings}` : "");
      if (!lead) { this.readout.hidden = true; return; }
      this.write(x, values, px);
      this.probe.setAttribute("aria-valuenow", x);
      this.probe.setAttribute("aria-valuetext", `${this.data.x_label} ${this.at_x(x)}: ${values.map((v) => `${v.label} ${this.number(v.y)}`).join(", ")}`);
    }

    write(x, values, px) {
      const rows = values.map((v) => {
        const interval = v.low !== null && v.high !== null ? `${this.number(v.low)} to ${this.number(v.high)}` : "";
        const place = Math.abs(v.x - x) > 1e-9 ? `${v.label} (at ${this.at_x(v.x)})` : v.label;
        return element("div", "row", this.section.swatch(v.i), element("span", "", place), element("b", "", this.number(v.y)), element("small", "", interval));
      });
      this.readout.replaceChildren(element("p", "", `${this.data.x_label} ${this.at_x(x)}`), ...rows);
      this.readout.hidden = false;
      const frame = this.svg.getBoundingClientRect();
      const scale = frame.width / this.svg.viewBox.baseVal.width;
      const wide = this.readout.offsetWidth;
      const outer = document.documentElement.clientWidth;
      const want = px * scale - wide / 2;
      this.readout.style.left = `${Math.max(8 - frame.left, Math.min(want, outer - 8 - wide - frame.left))}px`;
      const below = this.at.bottom * scale + 24;
      const room = frame.top + below + this.readout.offsetHeight < window.innerHeight - 4;
      this.readout.style.top = `${room ? below : this.at.top * scale - 8 - this.readout.offsetHeight}px`;
    }

    clear() {
      this.cursor.setAttribute("d", "");
      this.readout.hidden = true;
    }
  }

  class Section {
    constructor(root) {
      this.root = root;
      this.hidden = new Set();
      this.swatches = new Map([...root.querySelectorAll(".legend .key")].map((key) => [Number(key.dataset.series), key.querySelector("svg")]));
      this.plots = [...root.querySelectorAll("figure")].flatMap((figure) => {
        const data = JSON.parse(figure.querySelector(".figure-data").textContent);
        return [...figure.querySelectorAll(".plot")].map((box) => new Plot(box, data, this));
      });
      for (const key of root.querySelectorAll(".legend .key")) this.equip(key);
    }

    swatch(i) { return this.swatches.get(i).cloneNode(true); }

    parts(i) { return this.root.querySelectorAll(`.plot [data-series="${i}"]`); }

    equip(key) {
      const i = Number(key.dataset.series);
      const button = element("button", "key", ...key.childNodes);
      button.type = "button";
      button.dataset.series = i;
      button.setAttribute("aria-pressed", "true");
      button.setAttribute("aria-label", key.dataset.label);
      key.replaceWith(button);
      this.swatches.set(i, button.querySelector("svg"));
      button.addEventListener("click", () => {
        const off = !this.hidden.has(i);
        if (off) this.hidden.add(i);
        else this.hidden.delete(i);
        button.setAttribute("aria-pressed", String(!off));
        for (const part of this.parts(i)) part.classList.toggle("off", off);
        this.point(off ? null : i);
      });
      for (const name of ["pointerenter", "focus"]) button.addEventListener(name, () => this.point(this.hidden.has(i) ? null : i));
      for (const name of ["pointerleave", "blur"]) button.addEventListener(name, () => this.point(null));
    }

    point(i) {
      for (const part of this.root.querySelectorAll(".hot")) part.classList.remove("hot");
      this.root.classList.toggle("pointing", i !== null);
      if (i !== null) for (const part of this.parts(i)) part.classList.add("hot");
    }

    clear() { for (const plot of this.plots) plot.clear(); }
  }

  for (const root of document.querySelectorAll("section.charts")) new Section(root);
})();
