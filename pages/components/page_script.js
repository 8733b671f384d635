// What Streamlit's own widgets lack: a choice that says what is chosen, and a download that waits for the page.

const CHOICE_BUTTON = '[class*="_choice"] button:is([kind="primary"], [kind="secondary"])';
const DROP_ZONE = '[data-testid="stFileUploaderDropzone"][role="presentation"]';
const BOX = '[data-testid="stElementContainer"]';
const DOWNLOAD = '[data-testid="stDownloadButton"]';
const ACTIONS = ["click", "change", "pointerup", "keydown"];
const MOVING_KEYS = ["Tab", "Shift", "Control", "Alt", "Meta"];
// So long after an action the page may still begin to draw itself anew; a slow computer draws fewer frames in it.
const BEGINS_MS = 1000;
const BEGINS_FRAMES = 20;
const LONGEST_WAIT_MS = 60000;
const LOOK_EVERY_MS = 50;

class PageScript {
  constructor() {
    this.acted = -Infinity;
    this.frames = 0;
    this.staleSince = new Map();
    this.waiting = null;
    this.passing = false;
    this.planned = false;
    for (const kind of ACTIONS) window.addEventListener(kind, (event) => this.onAction(event), true);
    new MutationObserver(() => this.plan()).observe(document.body, {
      childList: true,
      subtree: true,
      attributeFilter: ["kind", "data-stale"],
    });
    this.plan();
  }

  // Many elements change at once, above all while plots are drawn; one look a frame is enough.
  plan() {
    if (this.planned) return;
    this.planned = true;
    requestAnimationFrame(() => {
      this.planned = false;
      this.markChosen();
      this.nameDropZones();
      this.noteStale();
    });
  }

  // Colour alone says nothing to a screen reader.
  markChosen() {
    for (const button of document.querySelectorAll(CHOICE_BUTTON)) {
      const pressed = String(button.getAttribute("kind") === "primary");
      if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
    }
  }

  // As mere decoration, the place to drop photographs would keep its name to itself.
  nameDropZones() {
    for (const zone of document.querySelectorAll(DROP_ZONE)) zone.setAttribute("role", "group");
  }

  noteStale() {
    for (const box of listBoxes()) {
      const name = nameBox(box);
      if (box.dataset.stale !== "true") continue;
      if (!this.staleSince.get(name)?.goesOn) this.staleSince.set(name, { at: performance.now(), goesOn: true });
    }
    for (const [name, stale] of this.staleSince) {
      stale.goesOn = document.querySelector(`.${name}`)?.dataset.stale === "true";
    }
  }

  onAction(event) {
    // Enter on a download button is followed by a click of it.
    if (this.passing || (event.type === "keydown" && findBox(event.target))) return;
    const box = event.type === "keydown" ? findByKey(event) : findBox(event.target);
    if (!box) {
      if (!MOVING_KEYS.includes(event.key)) this.noteAction();
      return;
    }
    const isPress = event.type === "keydown" || (event.type === "click" && event.target.closest("button"));
    if (isPress && !this.isDrawn(box)) this.hold(event, box);
  }

  noteAction() {
    this.acted = performance.now();
    const isCounting = this.frames > 0;
    this.frames = BEGINS_FRAMES;
    if (!isCounting) requestAnimationFrame(() => this.countFrame());
  }

  countFrame() {
    this.frames -= 1;
    if (this.frames > 0) requestAnimationFrame(() => this.countFrame());
  }

  // A page that is being drawn anew, or is about to be, still holds the report of what it showed before, or none any
  // more: a grade or a note of a moment ago would be missing. The press is made again on the button of the new page.
  hold(event, box) {
    event.stopImmediatePropagation();
    event.preventDefault();
    clearInterval(this.waiting);
    const name = nameBox(box);
    const until = performance.now() + LONGEST_WAIT_MS;
    this.waiting = setInterval(() => {
      const now = document.querySelector(`.${name}`);
      if (now && performance.now() < until && !this.isDrawn(now)) return;
      clearInterval(this.waiting);
      if (now && performance.now() < until) this.press(now);
    }, LOOK_EVERY_MS);
  }

  press(box) {
    this.passing = true;
    box.querySelector("button:enabled")?.click();
    this.passing = false;
  }

  // Whether a button shows what the last action led to: it has been drawn since, or nothing is going to be.
  isDrawn(box) {
    if (box.dataset.stale === "true") return false;
    this.noteStale();
    const began = this.staleSince.get(nameBox(box))?.at ?? -Infinity;
    return began > this.acted || (this.frames <= 0 && performance.now() - this.acted > BEGINS_MS);
  }
}

function findBox(target) {
  return target.closest?.(DOWNLOAD)?.closest(BOX) ?? null;
}

function listBoxes() {
  return [...document.querySelectorAll(DOWNLOAD)].map(findBox).filter(Boolean);
}

function nameBox(box) {
  return [...box.classList].find((word) => word.startsWith("st-key-"));
}

// The download whose key was pressed; keys rest while a field is in use.
function findByKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.isContentEditable) return null;
  if (["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName)) return null;
  const isMeant = (box) => box.querySelector("kbd")?.textContent.trim().toLowerCase() === event.key.toLowerCase();
  return listBoxes().find(isMeant) ?? null;
}

export default function () {
  // A page that is left and entered again mounts this once more; one listener is enough.
  window.retinadeskPageScript ??= new PageScript();
}
