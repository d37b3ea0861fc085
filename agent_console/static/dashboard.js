"use strict";
/* Charts are drawn from what the page carries; the table behind each has the same numbers. */
const COLOURS = { open: "#2f7f79", done: "#4b78a8", late: "#a3261f" };
const FONT = getComputedStyle(document.body).fontFamily;
function draw(canvas) {
  const chart = JSON.parse(canvas.dataset.chart);
  const numbers = new Intl.NumberFormat(chart.language === "bn" ? "bn-IN" : "en-IN", { maximumFractionDigits: 1 });
  const shown = (value) => numbers.format(value) + (chart.percent ? " %" : "");
  const amounts = { beginAtZero: true, stacked: chart.across, ticks: { callback: shown, precision: 0 }, grid: { color: "#e6eeec" }, max: chart.percent ? 100 : undefined };
  const room = canvas.parentElement.clientWidth < 480 ? 16 : 40;
  const short = (text) => (chart.across && text.length > room ? `${text.slice(0, room - 1)}…` : text);
  const names = { stacked: chart.across, grid: { display: false }, ticks: { autoSkip: !chart.across, maxRotation: 45, callback: (_, at) => short(chart.labels[at]) } };
  new Chart(canvas, {
    type: chart.kind,
    data: {
      labels: chart.labels,
      datasets: chart.series.map((s) => ({ label: s.name, data: s.values, backgroundColor: COLOURS[s.colour], borderColor: COLOURS[s.colour], borderWidth: chart.kind === "line" ? 2 : 0, tension: 0.2, spanGaps: true, maxBarThickness: 28 })),
    },
    options: {
      indexAxis: chart.across ? "y" : "x",
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      scales: chart.across ? { x: amounts, y: names } : { x: names, y: amounts },
      plugins: {
        legend: { display: chart.series.length > 1, position: "bottom", labels: { boxWidth: 14 } },
        tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${shown(item.raw)}` } },
      },
    },
  });
}
if (window.Chart) {
  Chart.defaults.font.family = FONT;
  Chart.defaults.font.size = 13;
  Chart.defaults.color = "#17302d";
  document.fonts.ready.then(() => document.querySelectorAll("canvas[data-chart]").forEach(draw));
}
/* The two dates are asked for only where the period is one's own. */
const period = document.getElementById("period");
function own() {
  document.querySelectorAll(".own").forEach((field) => field.classList.toggle("hidden", period.value !== "own"));
}
if (period) {
  period.addEventListener("change", own);
  own();
}
