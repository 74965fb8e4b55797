//! A node that listens.

use std::net::SocketAddr;
use std::sync::Arc;

#[cfg(unix)]
use crate::door::Door;
use crate::node::Node;
#[cfg(unix)]
use crate::operate::{Request, carry_out};
use crate::routes;
use crate::server::{self, Server, Serving, StartError};

impl Node {
    /// Starts to listen, on threads of its own.
    pub fn start(self) -> Result<Running, StartError> {
        let (service, config) = (&self.service, &self.service.config);
        let metrics =
            config.metrics_listen.map(|listen| (listen, routes::metrics_router(Arc::clone(service))));
        let server = server::start(Serving {
            listen: config.listen,
            metrics,
            router: routes::router(service),
            tls: Arc::clone(&service.endpoint.config),
            limits: config.limits.clone(),
            bounds: Arc::clone(&service.bounds),
        })?;
        #[cfg(unix)]
        let door = {
            let service = Arc::clone(service);
            let reply =
                move |request: Request| carry_out(&service, &request).map_err(|error| error.to_string());
            Door::open(&config.data, reply).map_err(StartError::Operator)?
        };
        Ok(Running {
            node: self,
            server,
            #[cfg(unix)]
            door,
        })
    }
}

/// A node that listens. Dropping it stops it.
pub struct Running {
    node: Node,
    server: Server,
    #[cfg(unix)]
    door: Door,
}

impl Running {
    /// The address that it listens on.
    pub const fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The address that it serves `/metrics` on, if it does.
    pub const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.server.metrics_addr()
    }

    /// The node.
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// Stops: no new connections, open requests are finished, waiting statements are ordered, all is durable.
    pub fn stop(mut self) {
        #[cfg(unix)]
        drop(self.door);
        self.server.stop();
        self.node.service.sequencer.shutdown();
    }
}
