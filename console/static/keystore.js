// The officer's signing key lives in this browser alone: WebCrypto Ed25519, not extractable, kept in IndexedDB under the user's
// name. What leaves is the public part, which an administrator enrols, and signatures.

const DATABASE = "fengsui-keys";
const STORE = "keys";

export const supported = () => Boolean(globalThis.isSecureContext && globalThis.crypto?.subtle && globalThis.indexedDB);

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(DATABASE, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE, { keyPath: "owner" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const asked = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export const find = (owner) => within("readonly", (store) => store.get(owner));
export const forget = (owner) => within("readwrite", (store) => store.delete(owner));

export function encode(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export async function make(owner) {
  const pair = await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
  const { x } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const thumbprint = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`; // RFC 7638
  const keyId = encode(await sha256(new TextEncoder().encode(thumbprint)));
  const kept = { owner, keyId, x, privateKey: pair.privateKey };
  await within("readwrite", (store) => store.put(kept));
  return kept;
}

export async function sign(kept, bytes) {
  return encode(await crypto.subtle.sign({ name: "Ed25519" }, kept.privateKey, bytes));
}
