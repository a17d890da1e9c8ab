import './style.css';

// The site's own router: every page is this one, whatever its path.
document.querySelector('h1').textContent += ` at ${location.pathname}`;
