// Citations: hover or focus shows the quote, a click goes to the statement it stands in.
// Only textContent is ever set: what a statement says stays text.
(() => {
  const markerOf = (event) => event.target.closest?.("a.cite");
  const quoteOf = (marker) => document.getElementById(marker.getAttribute("href").slice(1));

  const hide = () => document.getElementById("quote-card")?.remove();

  const show = (marker) => {
    hide();
    const quote = quoteOf(marker)?.textContent;
    if (!quote) return;
    const card = document.createElement("div");
    card.id = "quote-card";
    card.setAttribute("role", "tooltip");
    card.textContent = `“${quote}”`;
    document.body.append(card);
    const place = marker.getBoundingClientRect();
    const above = place.top - card.offsetHeight - 8;
    card.style.left = `${Math.max(8, Math.min(place.left, innerWidth - card.offsetWidth - 8))}px`;
    card.style.top = `${above > 8 ? above : place.bottom + 8}px`;
  };

  const open = (marker) => {
    const quote = quoteOf(marker);
    if (!quote) return;
    for (let fold = quote.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      fold.open = true;
    }
    quote.scrollIntoView({ block: "center", behavior: "smooth" });
    quote.focus({ preventScroll: true });
    quote.classList.remove("pulse");
    void quote.offsetWidth;
    quote.classList.add("pulse");
  };

  document.addEventListener("mouseover", (event) => {
    const marker = markerOf(event);
    if (marker) show(marker);
    else hide();
  });
  document.addEventListener("focusin", (event) => markerOf(event) && show(markerOf(event)));
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("click", (event) => {
    const marker = markerOf(event);
    if (!marker) return;
    event.preventDefault();
    hide();
    open(marker);
  }, true);
})();
