// On the page of a former address: leads on at once, with what stood behind the address (a ticked
// notice keeps its check code there). Without scripts the page itself leads on.
{
  const { search, hash } = location;
  location.replace(document.querySelector("link[rel=canonical]").href + search + hash);
}
