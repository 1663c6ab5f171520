//! The real daemon, through bollard.

mod containers;
mod daemon;
mod events;
mod networks;
mod whereabouts;

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::{BuildImageOptions, ImportImageOptions, ListImagesOptions, TagImageOptions};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::endpoint::Endpoint;
use super::engine::{BuildEvent, BuildOrder, Chunks, Engine, Image, Platform};
use super::error::DockerError;
use super::host::Host;
use super::transport::{self, TransportError};

/// How long the first answer may take: it tells whether anybody is there.
const GREETING: Duration = Duration::from_secs(10);
/// The same where ssh comes before it, which gives up a connection after 30 s.
const LOGIN: Duration = Duration::from_secs(45);
/// What a daemon answers that was not spoken to in TLS.
const WITHOUT_TLS: &str = "HTTP request to an HTTPS server";

/// What was asked for by name, or nothing where the daemon knows none of that name.
fn found<T>(asked: Result<T, bollard::errors::Error>) -> Result<Option<T>, DockerError> {
    match asked.map_err(DockerError::from) {
        Ok(found) => Ok(Some(found)),
        Err(DockerError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A daemon that has answered.
#[derive(Clone)]
pub struct Client {
    docker: Docker,
    endpoint: Endpoint,
}

impl Client {
    /// Goes to the daemon. Nothing is agreed with it: bollard asks without a version, which is the daemon's own.
    ///
    /// # Errors
    /// [`DockerError::NoDaemon`], [`DockerError::NoPermission`] or [`DockerError::NoWay`].
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, DockerError> {
        let no_way = |error| DockerError::no_way(endpoint, error);
        let docker = transport::client(endpoint).map_err(no_way)?;
        let patience = if matches!(endpoint.host, Host::Ssh(_)) { LOGIN } else { GREETING };
        let greeted = tokio::time::timeout(patience, docker.ping()).await;
        let greeted = greeted.map_err(|_| no_way(TransportError::Silent(patience)))?;
        greeted.map_err(|error| no_way(unanswered(&endpoint.host, &error)))?;
        Ok(Self { docker, endpoint: endpoint.clone() })
    }
}

/// Why the first question had no answer.
fn unanswered(host: &Host, error: &bollard::errors::Error) -> TransportError {
    match (error, TransportError::within(error)) {
        (_, Some(own)) => own,
        (bollard::errors::Error::DockerResponseServerError { message, .. }, None)
            if message.contains(WITHOUT_TLS) =>
        {
            TransportError::TlsOnly
        }
        (other, None) => match host {
            // ssh itself has nothing to complain of.
            Host::Ssh(ssh) => TransportError::chatter(ssh, chain(other)),
            _ => TransportError::Other(chain(other)),
        },
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Engine for Client {
    async fn platform(&self) -> Result<Platform, DockerError> {
        let version = self.docker.version().await?;
        Ok(Platform { os: version.os.unwrap_or_default(), architecture: version.arch.unwrap_or_default() })
    }

    fn build(&self, order: BuildOrder, context: Chunks) -> BoxStream<'_, Result<BuildEvent, DockerError>> {
        let options = BuildImageOptions {
            dockerfile: order.dockerfile,
            t: order.tag,
            buildargs: Some(order.arguments),
            labels: Some(order.labels),
            target: order.target,
            nocache: order.no_cache,
            pull: order.pull.then(|| "1".to_owned()),
            rm: true,
            forcerm: true,
            ..BuildImageOptions::default()
        };
        let body = bollard::body_try_stream(context);
        let events = self.docker.build_image(options, None, Some(body)).map_err(DockerError::from);
        events
            .try_filter_map(async |info| {
                let built = info.aux.and_then(|aux| aux.id).map(BuildEvent::Built);
                Ok(built.or_else(|| info.stream.or(info.status).map(BuildEvent::Output)))
            })
            .boxed()
    }

    async fn tag(&self, image: &str, name: &str) -> Result<(), DockerError> {
        // A colon behind the last slash parts the tag; one before it parts a registry's port.
        let colon = name.rfind(':').filter(|colon| !name[*colon..].contains('/'));
        let (repository, tag) = colon.map_or((name, "latest"), |colon| (&name[..colon], &name[colon + 1..]));
        let options = TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
        Ok(self.docker.tag_image(image, Some(options)).await?)
    }

    fn save(&self, names: &[String]) -> BoxStream<'_, Result<Bytes, DockerError>> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.docker.export_images(&names).map_err(DockerError::from).boxed()
    }

    async fn load(&self, archive: Chunks) -> Result<Vec<String>, DockerError> {
        let options = ImportImageOptions { quiet: true, ..ImportImageOptions::default() };
        let told = self.docker.import_image_stream(options, archive, None).map_err(DockerError::from);
        told.try_filter_map(async |info| Ok(info.stream.map(|line| line.trim().to_owned())))
            .try_collect()
            .await
    }

    async fn image(&self, name: &str) -> Result<Image, DockerError> {
        match self.docker.inspect_image(name).await.map_err(DockerError::from) {
            Ok(image) => Ok(Image {
                id: image.id.unwrap_or_default(),
                tags: image.repo_tags.unwrap_or_default(),
                created: 0,
                size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
            }),
            Err(DockerError::Refused { status: 404, .. }) => Err(DockerError::NoSuchImage(name.to_owned())),
            Err(error) => Err(error),
        }
    }

    async fn images(&self) -> Result<Vec<Image>, DockerError> {
        let images = self.docker.list_images(None::<ListImagesOptions>).await?;
        let image = |image: bollard::models::ImageSummary| Image {
            id: image.id,
            // An image without a name is told of as one with this.
            tags: image.repo_tags.into_iter().filter(|tag| tag != "<none>:<none>").collect(),
            created: image.created,
            size: u64::try_from(image.size).unwrap_or(0),
        };
        Ok(images.into_iter().map(image).collect())
    }
}
