//! The walk over a template's syntax tree. All use of minijinja's unstable tree is in this file and its parent.

use crate::pipeline::template::found::{Scan, Use, Variable, What};
use crate::pipeline::template::kinds::{How, mismatch};
use minijinja::machinery::ast::{Call, CallArg, Expr, Spanned, Stmt};

/// A walk with the names that the template itself has set so far, innermost block last.
pub(super) struct Walk {
    pub(super) scan: Scan,
    locals: Vec<Vec<String>>,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            scan: Scan::default(),
            locals: vec![Vec::new()],
        }
    }
}

/// How the value of an expression is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum As {
    /// Printed by itself.
    Alone,
    /// Before `default` or `is defined`.
    Guarded,
    /// In any other way.
    Value,
}

impl Walk {
    pub(super) fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(all) => self.block(&all.children),
            Stmt::EmitExpr(emit) => self.visit(&emit.expr, As::Alone),
            Stmt::EmitRaw(_) => {}
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                self.scoped(|walk| {
                    walk.assign(&each.target);
                    walk.set("loop");
                    walk.expressions(&each.filter_expr);
                    walk.block(&each.body);
                });
                self.scoped(|walk| walk.block(&each.else_body));
            }
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr);
                self.block(&branch.true_body);
                self.block(&branch.false_body);
            }
            Stmt::WithBlock(with) => self.scoped(|walk| {
                for (target, value) in &with.assignments {
                    walk.expression(value);
                    walk.assign(target);
                }
                walk.block(&with.body);
            }),
            Stmt::Set(set) => {
                self.expression(&set.expr);
                self.assign(&set.target);
            }
            Stmt::SetBlock(set) => {
                self.scoped(|walk| walk.block(&set.body));
                self.expressions(&set.filter);
                self.assign(&set.target);
            }
            Stmt::AutoEscape(escape) => {
                self.expression(&escape.enabled);
                self.block(&escape.body);
            }
            Stmt::FilterBlock(filter) => {
                self.scoped(|walk| walk.block(&filter.body));
                self.expression(&filter.filter);
            }
            Stmt::Do(call) => self.call(&call.call),
        }
    }

    fn block(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    pub(super) fn expression(&mut self, expression: &Expr<'_>) {
        self.visit(expression, As::Value);
    }

    fn expressions<'a, 'b: 'a>(&mut self, expressions: impl IntoIterator<Item = &'a Expr<'b>>) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn visit(&mut self, expression: &Expr<'_>, how: As) {
        match expression {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => self.lookup(expression, how),
            Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expression(&slice.expr);
                self.expressions(
                    [&slice.start, &slice.stop, &slice.step]
                        .into_iter()
                        .flatten(),
                );
            }
            Expr::UnaryOp(op) => self.expression(&op.expr),
            Expr::BinOp(op) => {
                if let Some(how) = How::of(op.op) {
                    self.compared(how, &op.left, &op.right);
                }
                self.expressions([&op.left, &op.right]);
            }
            Expr::Compare(compare) => {
                let mut left = &compare.expr;
                for op in &compare.ops {
                    self.compared(How::of_chained(op.op), left, &op.expr);
                    left = &op.expr;
                }
                self.expression(&compare.expr);
                self.expressions(compare.ops.iter().map(|op| &op.expr));
            }
            Expr::IfExpr(choice) => {
                self.expressions([&choice.true_expr, &choice.test_expr]);
                self.expressions(&choice.false_expr);
            }
            Expr::Filter(filter) => {
                let guards = filter.name == "default";
                if let Some(inner) = &filter.expr {
                    self.visit(inner, if guards { As::Guarded } else { As::Value });
                }
                let offset = filter.span().start_offset;
                self.used(offset, What::Filter, filter.name, &filter.args);
            }
            Expr::Test(test) => {
                let guards = matches!(test.name, "defined" | "undefined");
                self.visit(&test.expr, if guards { As::Guarded } else { As::Value });
                self.used(test.span().start_offset, What::Test, test.name, &test.args);
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => self.expressions(&list.items),
            Expr::Tuple(tuple) => self.expressions(&tuple.items),
            Expr::Map(map) => {
                for (key, value) in map.keys.iter().zip(&map.values) {
                    self.expressions([key, value]);
                }
            }
        }
    }

    fn compared(&mut self, how: How, left: &Expr<'_>, right: &Expr<'_>) {
        let found = mismatch(how, left, right, &|name| self.is_local(name));
        self.scan.mismatches.extend(found);
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        let offset = call.span().start_offset;
        match &call.expr {
            Expr::Var(function) => self.used(offset, What::Function, function.id, &call.args),
            Expr::GetAttr(method) => {
                self.expression(&method.expr);
                self.used(offset, What::Method, method.name, &call.args);
            }
            other => {
                self.expression(other);
                self.used(offset, What::Function, "", &call.args);
            }
        }
    }

    /// A variable with whatever is looked up in it.
    fn lookup(&mut self, expression: &Expr<'_>, how: As) {
        let mut path = Vec::new();
        let mut computed = false;
        let mut at = expression;
        loop {
            match at {
                Expr::Var(variable) => {
                    if !self.is_local(variable.id) {
                        path.reverse();
                        self.found(Variable {
                            offset: variable.span().start_offset as usize,
                            root: variable.id.to_owned(),
                            guarded: how == As::Guarded,
                            alone: how == As::Alone && path.is_empty() && !computed,
                            path,
                            computed,
                        });
                    }
                    return;
                }
                Expr::GetAttr(attribute) => {
                    path.push(attribute.name.to_owned());
                    at = &attribute.expr;
                }
                Expr::GetItem(item) => {
                    match item.subscript_expr.as_const() {
                        Some(key) => path.push(key.to_string()),
                        None => {
                            self.expression(&item.subscript_expr);
                            // Only what stands before the computed key is known.
                            path.clear();
                            computed = true;
                        }
                    }
                    at = &item.expr;
                }
                other => return self.expression(other),
            }
        }
    }

    fn found(&mut self, variable: Variable) {
        if let ("env", Some(name)) = (variable.root.as_str(), variable.path.first()) {
            self.scan.env.insert(name.clone());
        }
        self.scan.variables.push(variable);
    }

    fn used(&mut self, offset: u32, what: What, name: &str, args: &[CallArg<'_>]) {
        for argument in args {
            let (CallArg::Pos(value)
            | CallArg::Kwarg(_, value)
            | CallArg::PosSplat(value)
            | CallArg::KwargSplat(value)) = argument;
            self.expression(value);
        }
        let argument = match args.first() {
            Some(CallArg::Pos(value)) => value
                .as_const()
                .and_then(|value| value.as_str().map(str::to_owned)),
            _ => None,
        };
        self.scan.uses.push(Use {
            offset: offset as usize,
            what,
            name: name.to_owned(),
            argument,
        });
    }

    fn assign(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(variable) => self.set(variable.id),
            Expr::List(list) => list.items.iter().for_each(|item| self.assign(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item)),
            _ => {}
        }
    }

    fn set(&mut self, name: &str) {
        if let Some(innermost) = self.locals.last_mut() {
            innermost.push(name.to_owned());
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().flatten().any(|local| local == name)
    }

    fn scoped(&mut self, inner: impl FnOnce(&mut Self)) {
        self.locals.push(Vec::new());
        inner(self);
        self.locals.pop();
    }
}
