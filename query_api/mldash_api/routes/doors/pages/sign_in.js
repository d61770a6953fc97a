// Signs this browser in: by what stands behind the # of the address (#once=mll_… or #link=mll_…), or by a token.
// The text is taken out of the address and of its history before anything else is done. What is for one use, or would
// replace a sign-in that is there, waits for a click: what opens addresses by itself clicks on nothing.
"use strict";

const part = (id) => document.getElementById(id);
const [kind, text] = location.hash.slice(1).split("=", 2);
if (location.hash) history.replaceState(null, "", location.pathname + location.search);

// The path of this API, as the browser sees it: behind a proxy it need not be the root.
const base = location.pathname.replace(/[^/]*$/, "");

function say(words) {
  part("told").textContent = words;
}

function show(...ids) {
  for (const id of ["link", "oidc", "token", "out"]) part(id).hidden = !ids.includes(id);
}

async function ask(method, path, body) {
  const answer = await fetch(base + path, {
    method,
    body: body && JSON.stringify(body),
    headers: body ? { "Content-Type": "application/json" } : {},
    cache: "no-store",
  });
  return [answer.ok, await answer.json()];
}

// Where to go on, behind `base`: a page of this very server, of this API; anything else is left out.
function next() {
  const wanted = new URLSearchParams(location.search).get("next");
  if (wanted === null) return null;
  const target = new URL(wanted, location.href);
  const isOurs = target.origin === location.origin && target.pathname.startsWith(base);
  return isOurs ? target.pathname.slice(base.length) + target.search + target.hash : null;
}

function welcome(me) {
  const target = next();
  // With the origin in front: base and target alone could begin with two slashes, which name another host.
  if (target !== null) return void location.replace(location.origin + base + target);
  say(`Signed in: ${me.subject}.` + (me.opens ? ` You may read the ${me.opens.kind} of ${me.opens.prefix}.` : ""));
  show("out");
}

async function signIn(token) {
  show();
  say("Signing in …");
  const [good, told] = await ask("POST", "v1/sign-in", { token, path: base });
  if (good) return welcome(told);
  say(told.detail);
  await offer();
}

async function offer() {
  const [, { ways }] = await ask("GET", "v1/sign-in");
  show(...ways);
  const target = next();
  if (target !== null) part("oidc").href = "v1/sign-in/oidc?next=" + encodeURIComponent("/" + target);
  if (!ways.length) say("Nobody signs in here.");
}

async function begin() {
  const [known, me] = await ask("GET", "v1/me");
  if (text && (kind === "once" || kind === "link")) {
    if (kind === "link" && !known) return signIn(text);
    say(known ? `You are signed in: ${me.subject}. The link signs you out of that.` : "This link signs you in, once.");
    show("link");
    part("link").onclick = () => signIn(text);
    return;
  }
  if (known && me.signInId) return welcome(me);
  say("Sign in.");
  await offer();
}

part("token").onsubmit = (event) => {
  event.preventDefault();
  const token = part("text").value.trim();
  part("text").value = "";
  signIn(token);
};
part("out").onclick = async () => {
  await ask("POST", "v1/sign-out");
  say("Signed out.");
  await offer();
};
begin().catch((error) => say(String(error)));
