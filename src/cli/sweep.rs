//! `sweep`: one variant over many instances, where the verdict flips, and the rule behind it.

use std::sync::Arc;
use std::thread::available_parallelism;

use super::args::{FindingsFormat, Sweep};
use super::suite::Suite;
use super::verify::check_all;
use super::{Failure, INTERRUPTED, UNDECIDED, print, select};
use crate::engines::check::instance_text;
use crate::engines::claims::Mode;
use crate::engines::limits::SearchMode;
use crate::engines::plan::Planned;
use crate::engines::sweep::{Axis, AxisError, Frontier, Grid, Point};
use crate::engines::{EngineId, Limits, Row};
use crate::report;
use crate::scenario::Instance;
use crate::sync::Property;

pub(super) fn run(suite: &Suite<'_>, arguments: &Sweep) -> Result<u8, Failure> {
    let grid = grid(suite, arguments)?;
    let jobs = match arguments.jobs {
        Some(jobs) => jobs.get(),
        None => available_parallelism().map_or(1, usize::from),
    };
    let Some(points) = search(&grid, jobs)? else {
        eprintln!(
            "{}: interrupted; a part of a sweep has no rule",
            suite.program
        );
        return Ok(INTERRUPTED);
    };
    let frontier = Frontier {
        scenario: grid.base.program.name().to_owned(),
        engine: grid.base.engine,
        fixed: fixed(&grid),
        asks: grid
            .base
            .asks
            .as_ref()
            .map(|asks| asks.iter().copied().collect::<Vec<Property>>()),
        axes: grid.axes.clone(),
        points,
    };
    print(&match arguments.format {
        FindingsFormat::Text => report::sweep::text(&frontier),
        FindingsFormat::Json => report::sweep::json(&frontier),
    })?;
    Ok(if frontier.undecided() > 0 {
        UNDECIDED
    } else {
        0
    })
}

/// What was asked for.
fn grid(suite: &Suite<'_>, arguments: &Sweep) -> Result<Grid, Failure> {
    let variant = suite.variant(&arguments.scenario)?;
    let parameters = variant.program.parameters();
    let mut axes: Vec<Axis> = Vec::new();
    for text in &arguments.over {
        let axis = Axis::parse(text, &parameters).map_err(|error| match error {
            AxisError::Unknown { name } => select::unknown_parameter(&name, &parameters),
            error => error.into(),
        })?;
        if axes.iter().any(|known| known.name == axis.name) {
            return Err(Failure(format!(
                "--over {text}: {} is swept over twice; write all of its values once",
                axis.name
            )));
        }
        axes.push(axis);
    }
    let variants = [variant];
    let settings = select::settings(&arguments.how.set, &variants)?;
    if let Some((name, _)) = settings
        .iter()
        .find(|(name, _)| axes.iter().any(|axis| axis.name == name))
    {
        return Err(Failure(format!(
            "{name} is set and swept over; leave out one of both"
        )));
    }
    let [variant] = variants;
    let (instance, semantics) = select::instance(variant, &settings)?
        .expect("the one variant that there is has every parameter that may be set");
    let engine = match select::engines(&arguments.how)?[..] {
        [engine] => engine,
        _ if arguments.how.engine.is_empty() => EngineId::Exhaustive,
        _ => return Err(Failure("a sweep has one engine; name one".to_owned())),
    };
    let mode = select::mode(&arguments.how)?;
    let base = Mode::Quick.limits();
    let limits = Limits {
        audit: !arguments.how.no_audit,
        ..select::limits(&arguments.how, base.clone())?.unwrap_or(base)
    };
    Ok(Grid {
        base: Planned {
            program: Arc::clone(&variant.program),
            instance,
            semantics,
            engine,
            asks: select::properties(&arguments.how.property)?,
            limits: Limits {
                // It falls back to states itself, and says where.
                mode: mode.unwrap_or(SearchMode::Traces),
                ..limits
            },
            mode: None,
        },
        axes,
        falls_back: mode.is_none(),
    })
}

/// Searches every instance, those that are cut a second time; none: interrupted.
fn search(grid: &Grid, jobs: usize) -> Result<Option<Vec<Point>>, Failure> {
    let instances = grid.points()?;
    let plan: Vec<Planned> = instances.iter().map(|values| grid.row(values)).collect();
    let Some(first) = rows(&plan, jobs)? else {
        return Ok(None);
    };
    let mut points: Vec<Point> = instances
        .iter()
        .zip(&plan)
        .zip(&first)
        .map(|((values, row), rows)| Point::new(values.clone(), row.job().mode(), rows))
        .collect();
    let (again, plan): (Vec<usize>, Vec<Planned>) = instances
        .iter()
        .zip(&first)
        .enumerate()
        .filter_map(|(at, (values, rows))| Some((at, grid.again(values, rows)?)))
        .unzip();
    let Some(second) = rows(&plan, jobs)? else {
        return Ok(None);
    };
    for ((at, row), rows) in again.into_iter().zip(&plan).zip(&second) {
        let point = Point::new(instances[at].clone(), row.job().mode(), rows);
        if point.fails().is_some() {
            points[at] = point;
        }
    }
    Ok(Some(points))
}

fn rows(plan: &[Planned], jobs: usize) -> Result<Option<Vec<Vec<Row>>>, Failure> {
    if plan.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let done = check_all(plan, jobs)?;
    Ok(done
        .into_iter()
        .map(|done| done.map(|(rows, _)| rows))
        .collect())
}

/// Parameters and switches that are no axis.
fn fixed(grid: &Grid) -> String {
    let swept = |name: &str| grid.axes.iter().any(|axis| axis.name == name);
    let mut instance = Instance::default();
    for (name, value) in grid.base.instance.iter() {
        if !swept(name) {
            instance = instance.with(name, value.clone());
        }
    }
    let mut switches = grid.base.job().switches();
    switches.retain(|switch, _| !swept(switch));
    match instance_text(&instance, &switches).as_str() {
        "-" => String::new(),
        text => text.to_owned(),
    }
}
