/** Runs on every page: parts that need JavaScript are shown, and parts for browsers without it are hidden (style/base.css). */
document.documentElement.classList.add("js");
