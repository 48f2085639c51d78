// The API document as a page. No validator badge: nothing leaves this host.
window.SwaggerUIBundle({ url: "/api/openapi.json", dom_id: "#docs", validatorUrl: null, docExpansion: "list" });
