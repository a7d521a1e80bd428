//! Numbers: the most important ones large, the rest in tables.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use crate::checker::availability::{Service, quantile};
use crate::history::Operation;
use crate::judgement::Judgement;
use crate::recording::{DisturbanceState, Recording};
use crate::report::html::Escaped;
use crate::report::html::frame::{latency, names, number, share};

pub(super) fn tiles(page: &mut String, recording: &Recording, judgement: &Judgement) -> fmt::Result {
    let total = judgement.total();
    let service = &judgement.availability.total;
    let seconds = recording.duration.max(recording.history.end()).as_secs_f64();
    let rate = if seconds > 0.0 { total.total() as f64 / seconds } else { 0.0 };
    page.write_str("<section class=\"tiles\">")?;
    let mut tile = |value: String, name: &str, note: String| {
        write!(page, "<div class=\"tile\"><span>{name}</span><b>{value}</b><small>{note}</small></div>")
    };
    tile(number(total.total()), "operations", format!("{rate:.0} in a second"))?;
    tile(number(service.done), "done", format!("{} refused", number(service.refused)))?;
    tile(number(service.failed), "without an answer", share(service.failed_share()))?;
    tile(latency(service.median_us), "median latency", format!("99 %: {}", latency(service.quantile_99_us)))?;
    tile(stall(service.longest_write_stall_ms), "longest write stall", "nothing answered".to_owned())?;
    tile(stall(service.longest_read_stall_ms), "longest read stall", "nothing answered".to_owned())?;
    page.write_str("</section>\n")
}

/// Latency in microseconds, where there was an answer.
fn answer(us: u64) -> String {
    if us == 0 { "–".to_owned() } else { latency(us) }
}

/// Milliseconds for people.
fn stall(ms: u64) -> String {
    if ms == 0 { "0 ms".to_owned() } else { latency(ms.saturating_mul(1_000)) }
}

const COLUMNS: &str = "<th class=\"r\">sent</th><th class=\"r\">no answer</th><th class=\"r\">write stall</th>\
     <th class=\"r\">read stall</th><th class=\"r\">median</th><th class=\"r\">99 %</th><th class=\"r\">slowest</th></tr></thead><tbody>";

fn cells(page: &mut String, service: &Service) -> fmt::Result {
    write!(
        page,
        "<td class=\"r\">{}</td><td class=\"r\">{}</td>\
         <td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td></tr>",
        number(service.sent),
        share(service.failed_share()),
        stall(service.longest_write_stall_ms),
        stall(service.longest_read_stall_ms),
        answer(service.median_us),
        answer(service.quantile_99_us),
        answer(service.slowest_us)
    )
}

/// Availability by nemesis, the worst of each, and by disturbance.
pub(super) fn nemeses(page: &mut String, recording: &Recording, judgement: &Judgement) -> fmt::Result {
    let availability = &judgement.availability;
    write!(
        page,
        "<section class=\"card\"><h2>Availability</h2><div class=\"scroll\"><table><thead><tr><th>while</th>\
         <th class=\"r\">times</th>{COLUMNS}"
    )?;
    page.write_str("<tr class=\"strong\"><td>in all</td><td></td>")?;
    cells(page, &availability.total)?;
    page.write_str("<tr><td>undisturbed</td><td></td>")?;
    cells(page, &availability.undisturbed)?;
    let mut worst: BTreeMap<&str, (usize, Service)> = BTreeMap::new();
    for (number, service) in &availability.disturbed {
        let Some(disturbance) = recording.disturbances.get(*number) else { continue };
        let (times, sum) = worst.entry(&disturbance.nemesis).or_default();
        *times += 1;
        *sum = Service {
            sent: sum.sent + service.sent,
            done: sum.done + service.done,
            refused: sum.refused + service.refused,
            failed: sum.failed + service.failed,
            longest_write_stall_ms: sum.longest_write_stall_ms.max(service.longest_write_stall_ms),
            longest_read_stall_ms: sum.longest_read_stall_ms.max(service.longest_read_stall_ms),
            median_us: sum.median_us.max(service.median_us),
            quantile_99_us: sum.quantile_99_us.max(service.quantile_99_us),
            slowest_us: sum.slowest_us.max(service.slowest_us),
        };
    }
    for (nemesis, (times, service)) in &worst {
        write!(page, "<tr><td>{}</td><td class=\"r\">{times}</td>", Escaped(nemesis))?;
        cells(page, service)?;
    }
    page.write_str("</tbody></table></div>")?;
    if !worst.is_empty() {
        page.write_str(
            "<p class=\"note\">Of several times the sum of what was sent, and the worst of the rest.</p>",
        )?;
    }
    if !recording.disturbances.is_empty() {
        let is_open = if recording.disturbances.len() <= 12 { " open" } else { "" };
        write!(
            page,
            "<details{is_open}><summary>Each disturbance</summary><div class=\"scroll\"><table><thead><tr>\
             <th>nemesis</th><th>nodes</th><th class=\"r\">from</th><th class=\"r\">for</th>{COLUMNS}"
        )?;
        let services: BTreeMap<usize, &Service> =
            availability.disturbed.iter().map(|(number, service)| (*number, service)).collect();
        for (number, disturbance) in recording.disturbances.iter().enumerate() {
            write!(
                page,
                "<tr><td>{}</td><td>{}</td><td class=\"r\">{:.1} s</td><td class=\"r\">{:.1} s</td>",
                Escaped(&disturbance.nemesis),
                names(&disturbance.nodes),
                disturbance.from.as_secs_f64(),
                disturbance.to.saturating_sub(disturbance.from).as_secs_f64()
            )?;
            match services.get(&number) {
                Some(service) => cells(page, service)?,
                None => page.write_str("<td colspan=\"7\" class=\"dim\">skipped</td></tr>")?,
            }
            if let DisturbanceState::Skipped { reason } | DisturbanceState::Indeterminate { reason } =
                &disturbance.state
            {
                let word = if services.contains_key(&number) { "indeterminate: " } else { "" };
                write!(page, "<tr class=\"reason\"><td colspan=\"11\">{word}{}</td></tr>", Escaped(reason))?;
            }
        }
        page.write_str("</tbody></table></div></details>")?;
    }
    page.write_str("</section>\n")
}

/// Operations by what was asked.
pub(super) fn functions(page: &mut String, recording: &Recording, judgement: &Judgement) -> fmt::Result {
    page.write_str(
        "<section class=\"card\"><h2>Operations</h2><div class=\"scroll\"><table><thead><tr><th>function</th>\
         <th class=\"r\">done</th><th class=\"r\">refused</th><th class=\"r\">no answer</th>\
         <th class=\"r\">unknown for ever</th><th class=\"r\">median</th><th class=\"r\">99 %</th><th class=\"r\">slowest</th></tr></thead><tbody>",
    )?;
    for (function, counts) in &judgement.counts {
        let of_function =
            || recording.history.operations().iter().filter(|operation| operation.function == *function);
        let answered = of_function().filter(|operation| operation.is_answered());
        let mut latencies: Vec<Duration> = answered.map(Operation::latency).collect();
        latencies.sort_unstable();
        let refused = latencies.len().saturating_sub(counts.done);
        let failed = counts.total().saturating_sub(latencies.len());
        write!(page, "<tr><td>{function}</td>")?;
        for count in [counts.done, refused, failed, counts.unknown] {
            write!(page, "<td class=\"r\">{}</td>", number(count))?;
        }
        for percent in [50, 99, 100] {
            write!(page, "<td class=\"r\">{}</td>", answer(quantile(&latencies, percent)))?;
        }
        page.write_str("</tr>")?;
    }
    page.write_str("</tbody></table></div></section>\n")
}

/// What was chosen, and the states in the end.
pub(super) fn about(page: &mut String, recording: &Recording) -> fmt::Result {
    if recording.nodes == 0 {
        return Ok(());
    }
    page.write_str("<section class=\"card\"><h2>This run</h2><dl>")?;
    let mut command = format!("keyraft-jepsen run --workload {}", recording.workload);
    if !recording.nemeses.is_empty() {
        let _ = write!(command, " --nemesis {}", recording.nemeses.join(","));
    }
    let _ = write!(command, " --nodes {} --seed {}", recording.nodes, recording.seed);
    for option in ["seconds", "clients", "rate"] {
        if let Some(value) = recording.options.get(option) {
            let _ = write!(command, " --{option} {value}");
        }
    }
    let mut entry = |name: &str, value: &str| {
        write!(page, "<dt>{}</dt><dd><code>{}</code></dd>", Escaped(name), Escaped(value))
    };
    entry("again", &command)?;
    for (name, value) in &recording.options {
        entry(name, value)?;
    }
    for (node, index, digest) in &recording.digests {
        entry(&format!("digest of n{}", node + 1), &format!("{digest} at {index}"))?;
    }
    page.write_str("</dl></section>\n")
}
