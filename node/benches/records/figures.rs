//! Draws what was measured as the paper's Figures 7 and 8 are drawn.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::Measured;

/// A figure that is drawn: its name in the lines, its file, and the words beside it.
struct Figure {
    name: &'static str,
    file: &'static str,
    title: &'static str,
    x: &'static str,
    /// Values lie so far apart that only their orders of magnitude can be drawn.
    logarithmic: bool,
}

const FIGURES: [Figure; 2] = [
    Figure {
        name: "figure 7",
        file: "figure-7.svg",
        title: "A release, by the parts that are shared",
        x: "shared parts",
        logarithmic: false,
    },
    Figure {
        name: "figure 8",
        file: "figure-8.svg",
        title: "A release, by users who arrive in a second",
        x: "users a second",
        logarithmic: true,
    },
];

/// What can be told apart by those who see no colours as well: Okabe and Ito's palette.
const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];

/// Draws the figures into a folder.
pub fn draw_all(measured: &[Measured], folder: &Path) -> Result<(), Box<dyn Error>> {
    FIGURES.iter().try_for_each(|figure| {
        let mut series = BTreeMap::<_, Vec<_>>::new();
        for one in measured.iter().filter(|one| one.figure == figure.name && one.x > 0.0) {
            series.entry(one.series.as_str()).or_default().push((one.x, one.value));
        }
        draw(figure, &series, folder)
    })
}

fn draw(
    figure: &Figure,
    series: &BTreeMap<&str, Vec<(f64, f64)>>,
    folder: &Path,
) -> Result<(), Box<dyn Error>> {
    let points = || series.values().flatten();
    let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(0.0, f64::max);
    let (right, top) = (most(|point| point.0), most(|point| point.1));
    if points().next().is_none() {
        return Err(format!("nothing was measured for {}", figure.name).into());
    }
    let path = folder.join(figure.file);
    let area = SVGBackend::new(&path, (720, 420)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut builder = ChartBuilder::on(&area);
    builder.caption(figure.title, ("sans-serif", 20)).margin(12).x_label_area_size(44).y_label_area_size(64);
    /// Axes and lines are drawn alike, whichever the scale is.
    macro_rules! lines {
        ($y:expr) => {{
            let mut chart = builder.build_cartesian_2d(0.0..right * 1.05, $y)?;
            chart
                .configure_mesh()
                .x_desc(figure.x)
                .y_desc("milliseconds")
                .label_style(("sans-serif", 14))
                .x_label_formatter(&|value| format!("{value}"))
                .y_label_formatter(&|value| format!("{value}"))
                .light_line_style(WHITE)
                .draw()?;
            for ((name, points), colour) in series.iter().zip(COLOURS) {
                let style = colour.stroke_width(2);
                chart
                    .draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))?
                    .label(*name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .background_style(WHITE.mix(0.9))
                .border_style(BLACK.mix(0.4))
                .label_font(("sans-serif", 14))
                .draw()?;
        }};
    }
    if figure.logarithmic {
        lines!((1.0..top * 10.0).log_scale());
    } else {
        lines!(0.0..top * 1.1);
    }
    area.present()?;
    Ok(())
}
