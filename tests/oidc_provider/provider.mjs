// npm's oidc-provider as people's own provider would be set up: two clients, groups in the user information alone, its
// own pages to sign in and to consent. Its one argument is JSON: {port, redirect, keys: [JWK, …]}.
// PUT /test changes what the next answers are made of: {groups: {name: [group, …]}, claims: {…}, answer: {…}}. `claims`
// are laid over those of ID tokens, which are signed anew by the provider's own key (null takes a claim away). `answer` has `key` and `header`: by which and how they are signed instead, `jwks`: public
// keys besides, `me`: over the user information.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const folder = process.argv[2];
const { port, redirect, keys } = JSON.parse(process.argv[3]);
const load = createRequire(pathToFileURL(`${folder}/package.json`));
const { Provider } = await import(pathToFileURL(load.resolve("oidc-provider")));
const jose = await import(pathToFileURL(load.resolve("jose")));

const issuer = `http://127.0.0.1:${port}`;
const test = { groups: {}, claims: {}, answer: {}, used: {} };

const provider = new Provider(issuer, {
  clients: [
    { client_id: "mldash", client_secret: "secret of mldash", redirect_uris: [redirect] },
    { client_id: "native", token_endpoint_auth_method: "none", application_type: "native", redirect_uris: [redirect] },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "groups", "email"],
  cookies: { keys: ["only of tests"] },
  jwks: { keys },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      groups: test.groups[sub] ?? [],
      email: `${sub}@example.org`,
      email_verified: sub !== "eve",
    }),
  }),
});
provider.on("server_error", (_, error) => console.error(error));

async function signedAnew(token) {
  const claims = { ...jose.decodeJwt(token), ...test.claims };
  for (const [name, value] of Object.entries(claims)) if (value === null) delete claims[name];
  const header = { ...jose.decodeProtectedHeader(token), ...(test.answer.header ?? {}) };
  const own = test.answer.key ?? keys[0];
  return new jose.SignJWT(claims).setProtectedHeader(header).sign(await jose.importJWK(own, header.alg));
}

provider.use(async (context, next) => {
  test.used[context.path] = (test.used[context.path] ?? 0) + 1;
  if (context.path === "/test") {
    let text = "";
    for await (const part of context.req) text += part;
    Object.assign(test, text ? JSON.parse(text) : {});
    context.body = test;
    return;
  }
  await next();
  if (context.path === "/token" && context.body?.id_token && (Object.keys(test.claims).length || test.answer.key)) {
    context.body = { ...context.body, id_token: await signedAnew(context.body.id_token) };
  }
  if (context.path === "/jwks" && test.answer.jwks) {
    context.body = { keys: [...context.body.keys, ...test.answer.jwks] };
  }
  if (context.path === "/me" && test.answer.me) context.body = { ...context.body, ...test.answer.me };
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
