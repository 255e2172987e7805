// 公众页 What scripts add: position, age, looking again by itself, sending that does not give up. All essentials work without.
"use strict";
(function () {
  var root = document.documentElement;
  root.setAttribute("data-script", "");
  var english = root.lang === "en";
  var agedMs = Number(root.getAttribute("data-aged")) * 1000;
  var refreshMs = Number(root.getAttribute("data-refresh")) * 1000;
  var openedAt = Date.now(); // by this phone's own clock: ages are right even where the clock is wrong

  function each(selector, then) { Array.prototype.forEach.call(document.querySelectorAll(selector), then); }
  function find(selector) { return document.querySelector(selector); }

  each(".script-only", function (element) { element.hidden = false; });

  // --- age ---------------------------------------------------------------------------------------------------------

  function markOld(since) { root.setAttribute("data-stale", String(since)); sayAge(); }
  function markNew() { root.removeAttribute("data-stale"); }
  function sayAge() {
    var since = Number(root.getAttribute("data-stale"));
    if (!since) return;
    var minutes = Math.max(1, Math.round((Date.now() - since) / 60000));
    var hours = Math.round(minutes / 60);
    var text = minutes < 90
      ? (english ? minutes + " min ago" : minutes + " 分钟前")
      : (english ? hours + " h ago" : hours + " 小时前");
    each("[data-age]", function (element) { element.textContent = english ? "(" + text + ")" : "（" + text + "）"; });
  }
  sayAge();

  // --- looking again -----------------------------------------------------------------------------------------------

  var now = document.getElementById("now");
  function lookAgain() {
    if (!now || document.hidden) return;
    fetch(location.href, { headers: { Accept: "text/html" } }).then(function (answer) {
      if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
      return answer.text();
    }).then(function (text) {
      var page = new DOMParser().parseFromString(text, "text/html");
      var fresh = page.getElementById("now");
      if (!fresh) throw new Error("no page");
      var since = page.documentElement.getAttribute("data-stale");
      if (since) { markOld(since); return; } // the phone's own copy
      if (fresh.innerHTML !== now.innerHTML) now.innerHTML = fresh.innerHTML;
      refreshMs = Number(page.documentElement.getAttribute("data-refresh")) * 1000;
      find("#asof").textContent = page.getElementById("asof").textContent;
      openedAt = Date.now();
      markNew();
    }).catch(function () {
      if (!root.hasAttribute("data-stale")) markOld(openedAt);
    });
  }
  if (now) {
    now.setAttribute("aria-live", "polite");
    (function later() { setTimeout(function () { lookAgain(); later(); }, refreshMs); })();
    setInterval(function () {
      if (Date.now() - openedAt > agedMs && !root.hasAttribute("data-stale")) markOld(openedAt);
      sayAge();
    }, 5000);
    document.addEventListener("visibilitychange", function () {
      if (document.hidden) return;
      if (Date.now() - openedAt > agedMs) markOld(openedAt);
      lookAgain();
    });
    window.addEventListener("pageshow", function (event) { if (event.persisted) { markOld(openedAt); lookAgain(); } });
    window.addEventListener("online", lookAgain);
    window.addEventListener("offline", function () { markOld(openedAt); });
    if (root.hasAttribute("data-stale")) setTimeout(lookAgain, 10000);
  }

  // --- position ----------------------------------------------------------------------------------------------------

  function locate(button, then) {
    var says = button.parentNode.querySelector("[data-locate-says]");
    if (!navigator.geolocation) { says.textContent = button.getAttribute("data-failed"); return; }
    says.textContent = button.getAttribute("data-locating");
    navigator.geolocation.getCurrentPosition(function (found) {
      says.textContent = button.getAttribute("data-done") || "";
      then(found.coords);
    }, function () { says.textContent = button.getAttribute("data-failed"); },
    { enableHighAccuracy: true, timeout: 20000, maximumAge: 60000 });
  }

  each("[data-locate]", function (button) {
    button.addEventListener("click", function () {
      locate(button, function (where) {
        if (navigator.onLine === false || root.hasAttribute("data-stale")) nearOffline(where);
        if (navigator.onLine === false) return;
        var to = button.getAttribute("data-locate");
        location.href = to + "&lat=" + where.latitude.toFixed(5) + "&lon=" + where.longitude.toFixed(5);
      });
    });
  });

  each("[data-attach]", function (button) {
    button.addEventListener("click", function () {
      locate(button, function (where) {
        find("input[name=lat]").value = where.latitude.toFixed(5);
        find("input[name=lon]").value = where.longitude.toFixed(5);
        find("input[name=accuracy]").value = Math.round(where.accuracy || 0);
      });
    });
  });

  // Without a network: the kept shelters by distance, and whether the kept danger area is here. Never "you are safe".
  function nearOffline(where) {
    var box = document.getElementById("offline-near");
    if (!box) return;
    fetch(box.getAttribute("data-bundle")).then(function (answer) { return answer.json(); }).then(function (bundle) {
      var lon = where.longitude, lat = where.latitude;
      var inside = (bundle.zones || []).some(function (zone) { return zone.kind === "danger" && holds(zone.geometry, lon, lat); });
      var found = (bundle.shelters || []).filter(function (s) { return s.usable !== false && s.state !== "full" && s.state !== "unusable"; });
      found.forEach(function (s) { s.m = metres(lat, lon, s.lat, s.lon); });
      found.sort(function (a, b) { return a.m - b.m; });
      box.textContent = "";
      if (inside) add(box, "p", box.getAttribute("data-inside"), "big");
      add(box, "p", box.getAttribute("data-head"));
      var list = add(box, "ul", "");
      found.slice(0, 3).forEach(function (s) {
        add(list, "li", s.name + "：" + box.getAttribute("data-straight").replace("{m}", Math.round(s.m / 10) * 10).replace("{c}", compass(lat, lon, s.lat, s.lon)));
      });
      add(box, "p", box.getAttribute("data-caution"), "old");
      box.hidden = false;
    }).catch(function () {});
  }
  function add(parent, tag, text, name) {
    var made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    parent.appendChild(made);
    return made;
  }
  function metres(aLat, aLon, bLat, bLon) {
    var y = (bLat - aLat) * 111320, x = (bLon - aLon) * 111320 * Math.cos(aLat * Math.PI / 180);
    return Math.sqrt(x * x + y * y);
  }
  function compass(aLat, aLon, bLat, bLon) {
    var names = english ? ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"]
      : ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];
    var turn = Math.atan2((bLon - aLon) * Math.cos(aLat * Math.PI / 180), bLat - aLat) * 4 / Math.PI;
    return names[(Math.round(turn) + 8) % 8];
  }
  function holds(geometry, lon, lat) {
    var polygons = geometry.type === "MultiPolygon" ? geometry.coordinates : [geometry.coordinates];
    return polygons.some(function (rings) {
      return rings.reduce(function (odd, ring) {
        for (var i = 0, j = ring.length - 1; i < ring.length; j = i++) {
          var a = ring[i], b = ring[j];
          if ((a[1] > lat) !== (b[1] > lat) && lon < (b[0] - a[0]) * (lat - a[1]) / (b[1] - a[1]) + a[0]) odd = !odd;
        }
        return odd;
      }, false);
    });
  }

  // --- sending: where the network is gone it says so and goes on trying ---------------------------------------------

  each("form.report", function (form) {
    var says = form.querySelector("[data-says]"), busy = false, timer = null;
    form.addEventListener("submit", function (event) {
      if (!window.fetch || !window.URLSearchParams || !window.FormData) return;
      event.preventDefault();
      send();
    });
    function send() {
      if (busy) return;
      busy = true;
      clearTimeout(timer);
      says.textContent = form.getAttribute("data-sending");
      var body = new URLSearchParams();
      new FormData(form).forEach(function (value, name) { body.append(name, value); });
      fetch(form.action, { method: "POST", body: body }).then(function (answer) {
        return answer.text().then(function (text) { return { ok: answer.status === 201, text: text }; });
      }).then(function (answer) {
        if (!answer.ok) throw new Error("not taken");
        var page = new DOMParser().parseFromString(answer.text, "text/html");
        document.title = page.title;
        document.getElementById("main").innerHTML = page.getElementById("main").innerHTML;
        document.getElementById("main").focus();
        window.scrollTo(0, 0);
      }).catch(function () {
        busy = false;
        says.textContent = form.getAttribute("data-waiting");
        timer = setTimeout(send, 15000);
      });
    }
    window.addEventListener("online", function () { if (timer) send(); });
  });

  // --- keeping the page for when the network is gone ----------------------------------------------------------------

  if ("serviceWorker" in navigator && window.caches) {
    navigator.serviceWorker.register("/m/worker.js", { scope: "/m" }).then(function () {
      return navigator.serviceWorker.ready;
    }).then(function (ready) {
      if (!now || root.hasAttribute("data-stale")) return;
      var urls = [location.href];
      each('a[href*="/m/report"]', function (link) { urls.push(link.href); });
      each("[data-bundle]", function (box) { urls.push(new URL(box.getAttribute("data-bundle"), location.href).href); });
      each(".sketch img", function (image) { urls.push(image.src); });
      ready.active.postMessage({ keep: urls.filter(function (url, n) { return urls.indexOf(url) === n; }) });
    }).catch(function () {});
  }
})();
