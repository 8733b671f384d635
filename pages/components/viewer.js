// Pictures of equal size beside each other, with one zoom for all. Titles are set as text, never as markup.

const STEP = 1.25;
const MOST_SCREEN_PIXELS_PER_PIXEL = 8;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const BUTTONS = [
  ["+", "Zoom in", (view) => view.zoomBy(STEP)],
  ["\u2212", "Zoom out", (view) => view.zoomBy(1 / STEP)],
  ["1:1", "1:1, one pixel of the picture on one pixel of the screen", (view) => view.showPixels()],
  ["Fit", "Fit the whole picture", (view) => view.fit()],
];

// Keys rest while a field is in use; a name or a note that was entered lets them go again.
document.addEventListener("keydown", (event) => {
  const field = event.target;
  const isText = field instanceof HTMLInputElement && field.type === "text" && field.role !== "combobox";
  if (event.key === "Enter" && isText) setTimeout(() => field.blur());
});

// A rerun of the page calls the component again; what the reader looked at outlives it, by component and photograph.
const places = new Map();
const views = new WeakMap();

export default function ({ data, key, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  if (!views.has(root)) views.set(root, new View(root));
  const view = views.get(root);
  view.update(data, `${key}/${data.revision}`);
  return () => view.rest();
}

class View {
  constructor(root) {
    this.root = root;
    this.stages = [];
    this.pointers = new Map();
    this.observer = new ResizeObserver(() => this.draw());
    this.panes = root.querySelector(".panes");
    for (const [label, title, act] of BUTTONS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.title = title;
      button.setAttribute("aria-label", title);
      button.addEventListener("click", () => act(this));
      root.querySelector(".tools").append(button);
    }
    this.panes.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    this.panes.addEventListener("pointerdown", (event) => this.onDown(event));
    this.panes.addEventListener("pointermove", (event) => this.onMove(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      this.panes.addEventListener(kind, (event) => this.pointers.delete(event.pointerId));
    }
    this.panes.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    this.panes.addEventListener("keydown", (event) => this.onKey(event));
  }

  update(data, name) {
    if (data.reveal && this.name !== name) this.reveal();
    this.name = name;
    this.size = [data.width_px, data.height_px];
    this.root.style.height = `${data.height_css_px}px`;
    this.place = places.get(name) ?? { zoom: 1, x: this.size[0] / 2, y: this.size[1] / 2, width: this.size[0] };
    places.set(name, this.place);
    // The same photograph with more or fewer pixels: the reader goes on looking at the same spot of the retina.
    const grown = this.size[0] / this.place.width;
    Object.assign(this.place, { x: this.place.x * grown, y: this.place.y * grown, width: this.size[0] });
    if (this.stages.length !== data.panes.length) this.build(data.panes.length);
    data.panes.forEach((pane, index) => {
      const { caption, image, legend } = this.stages[index];
      caption.textContent = pane.title;
      caption.hidden = !data.titled;
      image.alt = `${data.subject}: ${pane.title}`;
      this.explain(legend, pane.legend);
      if (image.src !== pane.source) image.src = pane.source;
    });
    const titles = data.panes.map((pane) => pane.title).join("; ");
    this.panes.setAttribute("aria-label", `${data.subject}: ${titles}`);
    for (const { stage } of this.stages) this.observer.observe(stage);
    this.draw();
  }

  build(count) {
    this.observer.disconnect();
    this.stages = Array.from({ length: count }, () => {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const stage = document.createElement("div");
      const image = document.createElement("img");
      stage.className = "stage";
      const legend = document.createElement("div");
      legend.className = "legend";
      image.draggable = false;
      image.decoding = "sync";
      stage.append(image, legend);
      figure.append(caption, stage);
      return { figure, caption, stage, image, legend };
    });
    this.panes.replaceChildren(...this.stages.map(({ figure }) => figure));
  }

  explain(box, legend) {
    box.hidden = !legend;
    box.replaceChildren();
    if (!legend) return;
    const say = (text) => Object.assign(document.createElement("span"), { textContent: text });
    box.append(say(legend.meaning));
    if (!legend.bar) return;
    const row = document.createElement("div");
    const bar = Object.assign(document.createElement("img"), { src: legend.bar, alt: "to", draggable: false });
    row.append(say(legend.low), bar, say(legend.high));
    box.append(row);
  }

  // A photograph that is opened by key or from a table must not be graded unseen below the window.
  reveal() {
    const { top, bottom, height } = this.root.getBoundingClientRect();
    const seen = Math.min(bottom, window.innerHeight) - Math.max(top, 0);
    if (seen < height / 2) this.root.scrollIntoView({ block: "start" });
  }

  rest() {
    this.observer.disconnect();
  }

  box() {
    return this.stages[0].stage.getBoundingClientRect();
  }

  fitScale() {
    const { width, height } = this.box();
    return Math.min(width / this.size[0], height / this.size[1]) || 1;
  }

  draw() {
    const { width, height } = this.box();
    const scale = this.fitScale() * this.place.zoom;
    const clamp = (value, side, shown) =>
      side * scale <= shown ? side / 2 : Math.min(Math.max(value, shown / 2 / scale), side - shown / 2 / scale);
    this.place.x = clamp(this.place.x, this.size[0], width);
    this.place.y = clamp(this.place.y, this.size[1], height);
    const left = width / 2 - this.place.x * scale;
    const top = height / 2 - this.place.y * scale;
    for (const { image } of this.stages) {
      image.style.width = `${this.size[0]}px`;
      image.style.height = `${this.size[1]}px`;
      image.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    }
    this.root.dataset.zoom = this.place.zoom.toFixed(3);
    // While the whole picture is shown, a finger scrolls the page; once zoomed in, it moves the picture.
    this.panes.style.touchAction = this.place.zoom > 1 ? "none" : "pan-y";
  }

  // `at`: distance in screen pixels from the middle of a stage to the point that stays where it is.
  zoomBy(factor, at = [0, 0]) {
    const fit = this.fitScale();
    const before = fit * this.place.zoom;
    const most = Math.max(1, MOST_SCREEN_PIXELS_PER_PIXEL / fit);
    this.place.zoom = Math.min(Math.max(this.place.zoom * factor, 1), most);
    const after = fit * this.place.zoom;
    this.place.x += at[0] / before - at[0] / after;
    this.place.y += at[1] / before - at[1] / after;
    this.draw();
  }

  moveBy(right, down) {
    const scale = this.fitScale() * this.place.zoom;
    this.place.x += right / scale;
    this.place.y += down / scale;
    this.draw();
  }

  fit() {
    this.place.zoom = 1;
    this.draw();
  }

  showPixels(at) {
    this.zoomBy(1 / (this.fitScale() * this.place.zoom * window.devicePixelRatio), at);
  }

  middleDistance(event) {
    const stage = event.target.closest(".stage") ?? this.stages[0].stage;
    const { left, top, width, height } = stage.getBoundingClientRect();
    return [event.clientX - left - width / 2, event.clientY - top - height / 2];
  }

  onWheel(event) {
    const active = this.panes.getRootNode().activeElement === this.panes;
    if (!active && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY / 500), this.middleDistance(event));
  }

  onDown(event) {
    this.panes.focus({ preventScroll: true });
    this.panes.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) {
      const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
      this.zoomBy(distance(now) / distance(before));
    } else {
      this.moveBy(before[0] - now[0], before[1] - now[1]);
    }
  }

  onDoubleClick(event) {
    if (this.place.zoom > 1) this.fit();
    else this.showPixels(this.middleDistance(event));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.zoomBy(STEP);
    else if (event.key === "-") this.zoomBy(1 / STEP);
    else if (event.key === "Home") this.fit();
    else if (event.key in ARROWS) this.moveBy(...ARROWS[event.key].map((way) => way * 60));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
