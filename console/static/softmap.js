// A map that does not stop the page. Without a graphics card a browser draws WebGL with the processor, and fetches each frame
// of a canvas that is shown while the whole page waits: 0.1–0.5 s, several times a change. There the canvas is hidden; its
// frame is read when it is done, and painted on a plain canvas in its place. `framed` says where a frame lies that is seen now.
import { Map as GlMap, MercatorCoordinate } from "/vendor/maplibre-gl.mjs";

const LOOK_MS = 8; // how often a frame that is being read is looked at
const FRAME_MS = 120; // a change comes in pieces: several are drawn together
const SOFT = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function isSoft(gl) {
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  return Boolean(told) && SOFT.test(gl.getParameter(told.UNMASKED_RENDERER_WEBGL));
}

// WebGL's colours are multiplied with their opacity already, those of a plain canvas are not.
function unmultiply(pixels) {
  for (let at = 3; at < pixels.length; at += 4) {
    const opacity = pixels[at];
    if (opacity === 0 || opacity === 255) continue;
    for (let part = at - 3; part < at; part += 1) pixels[part] = (pixels[part] * 255) / opacity;
  }
}

export class SoftMap extends GlMap {
  constructor(options) {
    super(options);
    const drawn = this.getCanvas();
    this.gl = drawn.getContext("webgl2"); // the one that it has already
    if (!isSoft(this.gl)) return void this.on("render", () => this.fire("framed", { frame: this.frame() }));
    this.shown = document.createElement("canvas");
    for (const name of ["class", "role", "tabindex", "aria-label"]) this.shown.setAttribute(name, drawn.getAttribute(name));
    this.shown.classList.add("map-copy");
    drawn.before(this.shown);
    drawn.style.visibility = "hidden";
    this.on("idle", () => this.copy());
    this.on("render", () => this.isMoving() && this.copy());
  }

  // Where the map lies: its middle and size.
  frame() {
    const { clientWidth: width, clientHeight: height } = this.getContainer();
    return { center: MercatorCoordinate.fromLngLat(this.getCenter()), zoom: this.getZoom(), width, height };
  }

  triggerRepaint() {
    if (!this.shown || this.isMoving()) return super.triggerRepaint();
    this.drawing ??= setTimeout(() => {
      this.drawing = null;
      super.triggerRepaint();
    }, FRAME_MS);
  }

  // The frame as it stands now. Whoever asks for it waits for nothing: it is looked at until it is there.
  copy() {
    const { gl } = this;
    if (gl.isContextLost()) return; // it is drawn anew, and copied, once the browser has given it back
    if (this.copying) return void (this.again = true);
    this.copying = true;
    const { width, height } = this.getCanvas();
    const frame = this.frame();
    const held = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, held);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, width * height * 4, gl.STREAM_READ);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    const done = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const look = () => {
      if (gl.isContextLost()) return void (this.copying = false);
      if (gl.clientWaitSync(done, 0, 0) === gl.TIMEOUT_EXPIRED) return void setTimeout(look, LOOK_MS);
      gl.deleteSync(done);
      this.copying = false;
      this.paint(held, width, height);
      this.fire("framed", { frame });
      if (this.again) this.triggerRepaint();
      this.again = false;
    };
    setTimeout(look, LOOK_MS);
  }

  paint(held, width, height) {
    const { gl, shown } = this;
    const pixels = new Uint8ClampedArray(width * height * 4);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, held);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, pixels);
    gl.deleteBuffer(held);
    unmultiply(pixels);
    const { style } = this.getCanvas();
    Object.assign(shown, { width, height });
    Object.assign(shown.style, { width: style.width, height: style.height });
    shown.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
  }
}
