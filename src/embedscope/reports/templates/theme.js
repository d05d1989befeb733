(() => {
  "use strict";
  // Sets the theme before anything is drawn; the button cycles auto, light, dark.
  const root = document.documentElement;
  const names = ["auto", "light", "dark"];
  root.classList.add("scripted");

  const read = () => {
    try { return localStorage.getItem("embedscope-theme"); } catch { return null; }
  };
  const keep = (name) => {
    try { localStorage.setItem("embedscope-theme", name); } catch { /* storage is off: the choice lasts for this page */ }
  };
  const use = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
  };

  let current = names.includes(read()) ? read() : "auto";
  use(current);

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    button.hidden = false;
    const show = () => { button.textContent = `Theme: ${current}`; };
    show();
    button.addEventListener("click", () => {
      current = names[(names.indexOf(current) + 1) % names.length];
      use(current);
      keep(current);
      show();
    });
  });

  // Paper shows what the reader would have to open, but not the long tables of values.
  const opened = [];
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open]):not(.values):not(#records-details)")) {
      part.open = true;
      opened.push(part);
    }
  });
  window.addEventListener("afterprint", () => {
    for (const part of opened.splice(0)) part.open = false;
  });
})();
