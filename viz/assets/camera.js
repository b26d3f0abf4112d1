// The still of the page Camera: it stays in the browser, and a click on it says which pixel of the picture was meant.
(function () {
  "use strict";

  document.addEventListener("click", (event) => {
    const still = event.target;
    if (!still || still.id !== "camera-still" || !still.naturalWidth) return;
    const box = still.getBoundingClientRect();
    const u = ((event.clientX - box.left) / box.width) * still.naturalWidth - 0.5;
    const v = ((event.clientY - box.top) / box.height) * still.naturalHeight - 0.5;
    window.dash_clientside.set_props("camera-pixel", {
      data: {pixel: [Math.round(10 * u) / 10, Math.round(10 * v) / 10], size: [still.naturalWidth, still.naturalHeight], at: Date.now()},
    });
  });

  function mark(host, pixel, size, name) {
    const dot = document.createElement("span");
    dot.className = "camera-mark";
    dot.textContent = name;
    dot.style.left = `${(100 * (pixel[0] + 0.5)) / size[0]}%`;
    dot.style.top = `${(100 * (pixel[1] + 0.5)) / size[1]}%`;
    host.appendChild(dot);
  }

  window.hutong_camera = {
    // Numbers on the still where its points are; the one that still waits for its place on the map is a question mark.
    marks(pairs, pending) {
      const host = document.getElementById("camera-marks");
      if (host) {
        host.replaceChildren();
        const size = (pending && pending.size) || (pairs && pairs.size);
        if (size) {
          ((pairs && pairs.points) || []).forEach((pair, k) => mark(host, pair.pixel, size, String(k + 1)));
          if (pending && pending.pixel) mark(host, pending.pixel, size, "?");
        }
      }
      return window.dash_clientside.no_update;
    },
  };
})();
