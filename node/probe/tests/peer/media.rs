//! The peer's audio, byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{Instant, interval};

use super::{Behaviour, Media};

const SSRC: [u8; 4] = [9, 8, 7, 6];

pub(crate) async fn run(rtp: UdpSocket, rtcp: UdpSocket, remote: SocketAddr, behaviour: Behaviour) {
    let rtp = Arc::new(rtp);
    let mut leg = Leg { behaviour, arrived: 0, lost: 0, first: None, highest: 0, ssrc: [0; 4], returned: 0 };
    let mut frames = interval(Duration::from_millis(20));
    let mut reports = interval(Duration::from_millis(400));
    let mut sender_report: Option<([u8; 4], Instant)> = None;
    let (mut packet, mut report) = ([0; 2048], [0; 2048]);
    let mut number = 0u16;
    loop {
        tokio::select! {
            received = rtp.recv_from(&mut packet) => {
                let length = received.unwrap().0;
                if let Some(out) = leg.echo(&packet[..length]) {
                    let rtp = Arc::clone(&rtp);
                    let delay = behaviour.delay;
                    if delay.is_zero() {
                        let _ = rtp.send_to(&out, remote).await;
                    } else {
                        tokio::spawn(async move {
                            tokio::time::sleep(delay).await;
                            let _ = rtp.send_to(&out, remote).await;
                        });
                    }
                }
            }
            received = rtcp.recv_from(&mut report) => {
                received.unwrap();
                // The middle 32 bits of the NTP time of a sender report (RFC 3550 §6.4.1).
                if report[1] == 200 {
                    sender_report = Some((report[10..14].try_into().unwrap(), Instant::now()));
                }
            }
            _ = frames.tick() => {
                if let Some(payload) = sound(behaviour.media) {
                    let mut out = header(number, behaviour.payload_type);
                    out.extend(payload);
                    let _ = rtp.send_to(&out, remote).await;
                    number += 1;
                }
            }
            _ = reports.tick(), if behaviour.rtcp && leg.first.is_some() => {
                let to = SocketAddr::new(remote.ip(), remote.port() + 1);
                let _ = rtcp.send_to(&leg.report(sender_report), to).await;
            }
        }
    }
}

struct Leg {
    behaviour: Behaviour,
    arrived: u64,
    lost: u32,
    first: Option<u16>,
    highest: u16,
    ssrc: [u8; 4],
    returned: u16,
}

impl Leg {
    /// Takes a packet; gives the one to send back, unless it or its echo is lost.
    fn echo(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let index = self.arrived;
        self.arrived += 1;
        if self.behaviour.lose_there.is_some_and(|nth| index % nth == nth - 1) {
            self.lost += 1;
            return None;
        }
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        self.first.get_or_insert(sequence);
        self.highest = sequence;
        self.ssrc = packet[8..12].try_into().unwrap();
        if !matches!(self.behaviour.media, Media::Echo | Media::Altered) {
            return None;
        }
        let mut out = packet.to_vec();
        out[8..12].copy_from_slice(&SSRC);
        if self.behaviour.renumber {
            out[2..4].copy_from_slice(&self.returned.to_be_bytes());
            self.returned = self.returned.wrapping_add(1);
        }
        if self.behaviour.media == Media::Altered {
            out[12] ^= 1;
        }
        let lost = self.behaviour.lose_back.is_some_and(|nth| index % nth == nth - 1);
        (!lost).then_some(out)
    }

    /// A receiver report with one block (RFC 3550 §6.4.2).
    fn report(&self, sender_report: Option<([u8; 4], Instant)>) -> Vec<u8> {
        let mut out = vec![0x81, 201, 0, 7];
        out.extend(SSRC);
        out.extend(self.ssrc);
        out.push(0);
        out.extend(&self.lost.to_be_bytes()[1..]);
        let wrapped = u32::from(self.highest < self.first.unwrap());
        out.extend((wrapped << 16 | u32::from(self.highest)).to_be_bytes());
        out.extend(80u32.to_be_bytes());
        let (last, since) =
            sender_report.map_or(([0; 4], 0.0), |(last, at)| (last, at.elapsed().as_secs_f64()));
        out.extend(last);
        out.extend(((since * 65_536.0) as u32).to_be_bytes());
        out
    }
}

fn sound(media: Media) -> Option<Vec<u8>> {
    match media {
        // G.711's digital milliwatt, table 6.
        Media::Tone => Some([0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e].repeat(20)),
        Media::Silence => Some(vec![0xff; 160]),
        Media::Echo | Media::Altered | Media::Mute => None,
    }
}

fn header(number: u16, payload_type: u8) -> Vec<u8> {
    let mut out = vec![0x80, payload_type];
    out.extend(number.to_be_bytes());
    out.extend((u32::from(number) * 160).to_be_bytes());
    out.extend(SSRC);
    out
}
