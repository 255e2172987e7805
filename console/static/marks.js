// The marks of the map. A level has a shape of its own beside its colour: red a square, orange a diamond, yellow a triangle,
// blue a disc; one that nobody and nothing has confirmed is hollow. What is calm is small and grey, not known is a ring.

export const RATIO = 2; // pixels of a mark to one of the page
export const LEVELS = ["Red", "Orange", "Yellow", "Blue"];
const NAMES = ["ground", "land", "border", "road", "ink", "halo", "calm", "red", "orange", "yellow", "blue"];

// The colours as the page's style has them, in light or dark.
export function paletteOf(place) {
  const probe = document.createElement("span");
  place.append(probe);
  const colours = {};
  for (const name of NAMES) {
    probe.className = `map-${name}`;
    colours[name] = getComputedStyle(probe).color;
  }
  for (const level of LEVELS) {
    probe.className = `map-tint-${level.toLowerCase()}`;
    colours[`tint${level}`] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

function drawn(size, draw) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * RATIO;
  const pen = canvas.getContext("2d");
  pen.scale(RATIO, RATIO);
  pen.lineJoin = "round";
  draw(pen, size);
  return canvas;
}

function shape(pen, size, kind, inset) {
  const [a, b, m] = [inset, size - inset, size / 2];
  pen.beginPath();
  if (kind === "disc") pen.arc(m, m, m - inset, 0, 2 * Math.PI);
  else if (kind === "square") pen.rect(a, a, b - a, b - a);
  else {
    const points = { diamond: [[m, a], [b, m], [m, b], [a, m]], triangle: [[m, a], [b, b], [a, b]], house: [[m, a], [b, m], [b, b], [a, b], [a, m]] }[kind];
    points.forEach(([x, y], at) => (at ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
  }
}

function mark(size, kind, { fill, edge, width = 1.5 }) {
  return drawn(size, (pen) => {
    shape(pen, size, kind, width);
    if (fill) {
      pen.fillStyle = fill;
      pen.fill();
    }
    pen.strokeStyle = edge;
    pen.lineWidth = width;
    pen.stroke();
  });
}

function hatch(colour, gap) {
  return drawn(gap, (pen) => {
    pen.strokeStyle = colour;
    pen.globalAlpha = 0.45;
    pen.lineWidth = 1;
    for (const shift of [-gap, 0, gap]) {
      pen.beginPath();
      pen.moveTo(shift, gap);
      pen.lineTo(shift + gap, 0);
      pen.stroke();
    }
  });
}

export function iconsOf(c) {
  const level = (kind, colour) => mark(18, kind, { fill: colour, edge: c.halo, width: 2 });
  const open = (kind, colour) => mark(18, kind, { fill: c.halo, edge: colour, width: 3 });
  return Object.fromEntries([
    ["level-red-open", open("square", c.red)],
    ["level-orange-open", open("diamond", c.orange)],
    ["level-yellow-open", open("triangle", c.yellow)],
    ["level-blue-open", open("disc", c.blue)],
    ["level-red", level("square", c.red)],
    ["level-orange", level("diamond", c.orange)],
    ["level-yellow", level("triangle", c.yellow)],
    ["level-blue", level("disc", c.blue)],
    ["stations", mark(8, "disc", { fill: c.calm, edge: c.halo, width: 1 })],
    ["stations-unknown", mark(8, "disc", { edge: c.calm })],
    ["units", mark(9, "square", { fill: c.halo, edge: c.calm })],
    ["units-unknown", mark(9, "square", { edge: c.calm })],
    ["sites", mark(11, "triangle", { fill: c.halo, edge: c.calm })],
    ["sites-unknown", mark(11, "triangle", { edge: c.calm })],
    ["shelters", mark(12, "house", { fill: c.calm, edge: c.halo, width: 1 })],
    ["shelters-unknown", mark(12, "house", { fill: c.halo, edge: c.calm })],
  ]);
}

// By what is seen of a township: nothing, or a part.
export function hatchesOf(c) {
  return { none: hatch(c.calm, 7), part: hatch(c.calm, 16) };
}
