// 离线 Keeps the public page for when the network is gone. The network always comes first; what is shown from here is
// marked old (data-stale: when it was kept), and the page then says so and shows nothing as safe. Scope: /m alone.
"use strict";
var ASSETS = "m-assets-VERSION";
var PAGES = "m-pages";
var PAGES_MAX = 40;
var WAIT_MS = 8000;
var KEPT_AT = "X-Kept-At";
var FILES = ["/m/static/m.css?v=VERSION", "/m/static/m.js?v=VERSION"];

self.addEventListener("install", function (event) {
  event.waitUntil(
    caches.open(ASSETS).then(function (cache) { return cache.addAll(FILES); })
      .then(function () { return Promise.all([keep("/m/offline?lang=zh"), keep("/m/offline?lang=en")]); })
      .then(function () { return self.skipWaiting(); })
  );
});

self.addEventListener("activate", function (event) {
  event.waitUntil(
    caches.keys().then(function (names) {
      return Promise.all(names.filter(function (name) {
        return name.indexOf("m-assets-") === 0 && name !== ASSETS;
      }).map(function (name) { return caches.delete(name); }));
    }).then(function () { return self.clients.claim(); })
  );
});

self.addEventListener("message", function (event) {
  var urls = (event.data && event.data.keep) || [];
  event.waitUntil(Promise.all(urls.map(function (url) { return keep(url).catch(function () {}); })));
});

self.addEventListener("fetch", function (event) {
  var url = new URL(event.request.url);
  var ours = url.origin === self.location.origin && (url.pathname === "/m" || url.pathname.indexOf("/m/") === 0);
  if (!ours || event.request.method !== "GET" || url.pathname === "/m/worker.js") return;
  if (url.pathname.indexOf("/m/static/") === 0) {
    event.respondWith(caches.match(event.request).then(function (kept) { return kept || fetch(event.request); }));
    return;
  }
  event.respondWith(fromNetwork(event.request, url).catch(function () { return old(url); }));
});

function fromNetwork(request, url) {
  var fetched = fetch(request);
  var late = new Promise(function (_, reject) { setTimeout(reject, WAIT_MS); });
  return Promise.race([fetched, late]).then(function (answer) {
    if (answer.status >= 500) throw new Error("unreached");
    if (answer.ok && isKept(url, answer)) store(url.href, answer.clone());
    return answer;
  });
}

// A page on which something "cannot be looked up" never takes the place of one that knew.
function isKept(url, answer) {
  return (url.pathname === "/m" && answer.headers.get("X-Whole") === "1") || url.pathname === "/m/report" || url.pathname === "/m/offline" ||
    url.pathname === "/m/bundle.json" || url.pathname === "/m/sketch.svg";
}

function keep(url) {
  var whole = new URL(url, self.location);
  return fetch(whole.href).then(function (answer) { return answer.ok && isKept(whole, answer) ? store(whole.href, answer) : null; });
}

function store(href, answer) {
  return answer.text().then(function (text) {
    var headers = new Headers();
    ["Content-Type", "Content-Security-Policy"].forEach(function (name) {
      if (answer.headers.get(name)) headers.set(name, answer.headers.get(name));
    });
    headers.set(KEPT_AT, String(Date.now()));
    return caches.open(PAGES).then(function (cache) { // in one step: there is no instant at which neither is kept
      return cache.put(href, new Response(text, { headers: headers })).then(function () { return prune(cache); });
    });
  });
}

function prune(cache) {
  return cache.keys().then(function (keys) {
    var pages = keys.filter(function (key) { return key.url.indexOf("/m/offline") < 0; });
    return Promise.all(pages.slice(0, Math.max(0, pages.length - PAGES_MAX)).map(function (key) { return cache.delete(key); }));
  });
}

function old(url) {
  return caches.open(PAGES).then(function (cache) {
    return cache.match(url.href).then(function (kept) {
      if (kept) return marked(kept);
      if (url.pathname === "/m/sketch.svg" || url.pathname === "/m/bundle.json") return Response.error();
      var lang = url.searchParams.get("lang") === "en" ? "en" : "zh";
      return cache.match(new URL("/m/offline?lang=" + lang, self.location).href).then(function (page) {
        return page ? marked(page) : Response.error();
      });
    });
  });
}

function marked(kept) {
  var at = kept.headers.get(KEPT_AT);
  if ((kept.headers.get("Content-Type") || "").indexOf("text/html") !== 0) return kept;
  return kept.text().then(function (text) {
    var headers = new Headers(kept.headers);
    headers.set("Cache-Control", "no-store");
    return new Response(text.replace("<html ", '<html data-stale="' + at + '" '), { headers: headers });
  });
}
