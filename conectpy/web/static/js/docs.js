// The API document as a page. No validator badge: nothing leaves this host.
// @ts-expect-error: the script before this one made it
window.SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#docs", validatorUrl: null, docExpansion: "list" });
