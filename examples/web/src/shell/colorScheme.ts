/** CopilotKit's styles are dark inside an element of the class `dark`; the rest of the page follows the media query. */
export function followColorScheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}
