// Lists the routes of the OpenAPI document, without any outside library.
fetch("/api/openapi.json").then((answer) => answer.json()).then((api) => {
  const list = document.getElementById("routes");
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, route] of Object.entries(methods)) {
      const title = document.createElement("h2"), code = document.createElement("code"), about = document.createElement("p");
      code.textContent = `${method.toUpperCase()} ${path}`;
      about.textContent = route.description || route.summary || "";
      title.append(code);
      list.append(title, about);
    }
  }
});
