'use strict';
(() => {
  const theme = new URLSearchParams(location.search).get('theme');
  if (theme) document.documentElement.dataset.theme = theme;
  const data = JSON.parse(document.getElementById('data').textContent);
  const timeline = document.getElementById('timeline');
  const tip = document.getElementById('tip');
  const charts = [...timeline.querySelectorAll('svg.chart')];
  for (const key of timeline.querySelectorAll('button.key')) {
    key.addEventListener('click', () => {
      const off = key.classList.toggle('off');
      for (const dots of timeline.querySelectorAll(`path.dots[data-kind="${key.dataset.kind}"]`))
        dots.style.display = off ? 'none' : '';
    });
  }
  const latency = us => us === null ? 'none' : us < 1e3 ? us + ' µs' : us < 1e6 ? (us / 1e3).toFixed(us < 1e4 ? 1 : 0) + ' ms' : (us / 1e6).toFixed(1) + ' s';
  const line = (strong, text) => {
    const element = document.createElement(strong ? 'b' : 'span');
    element.textContent = text;
    tip.append(element);
    if (!strong) tip.append(document.createElement('br'));
  };
  const leave = () => { timeline.classList.remove('live'); tip.hidden = true; };
  timeline.addEventListener('mouseleave', leave);
  timeline.addEventListener('mousemove', event => {
    const box = charts[0].getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width * data.width;
    const share = (x - data.left) / (data.right - data.left);
    if (!(share >= 0 && share < 1)) return leave();
    const at = share * data.end_ns;
    timeline.classList.add('live');
    for (const chart of charts) {
      const height = chart.viewBox.baseVal.height;
      chart.querySelector('.cursor').setAttribute('d', `M${x} 0v${height}`);
    }
    tip.replaceChildren();
    line(true, (at / 1e9).toFixed(2) + ' s');
    const bin = data.bins[Math.floor(share * data.bins.length)];
    line(false, `${bin[0]} done, ${bin[1]} refused, ${bin[2]} without an answer in a second`);
    line(false, `median ${latency(bin[3])}, 99 % ${latency(bin[4])}`);
    for (const [from, to, node, term] of data.leaders)
      if (from <= at && at < to) line(false, `n${node} leads` + (term === null ? '' : `, term ${term}`));
    for (const [nemesis, nodes, from, to] of data.disturbances)
      if (from <= at && at <= to) line(true, nodes ? `${nemesis}: ${nodes}` : nemesis);
    tip.hidden = false;
    const size = tip.getBoundingClientRect();
    const right = event.clientX + 16 + size.width < innerWidth;
    tip.style.left = (right ? event.clientX + 16 : event.clientX - 16 - size.width) + 'px';
    tip.style.top = Math.min(event.clientY + 16, innerHeight - size.height - 8) + 'px';
  });
})();
